import type { Auth } from '../../core/auth.js'
import type { RequestContext } from '../../core/context.js'
import { IdentSphereError } from '../../core/errors.js'
import type { Tx } from '../../core/store/store.js'
import type { Passwords } from '../passwords/service.js'

/** What came with a link, besides the link. */
export interface AccountProof {
  auth: Auth | null
  password: string | undefined
  device: string | null
}

/**
 * Who has a link has the mailbox. That the account is theirs too takes a live session of its user, or its password: otherwise
 * whoever follows a link would give their address to an account that a stranger made or changed.
 *
 * @returns what follows from the proof, for the transaction that uses the link up
 * @throws IdentSphereError `reauthentication_required` where neither came with it, `invalid_credentials`, `rate_limited`
 */
export async function proveAccount(
  passwords: Passwords,
  account: { userId: string; email: string },
  { auth, password, device }: AccountProof,
  context: RequestContext,
): Promise<{ settle(tx: Tx): Promise<void> }> {
  if (auth?.userId === account.userId && auth.impersonatorId === null) return { async settle() {} }
  if (password === undefined) throw new IdentSphereError('reauthentication_required')
  const proven = await passwords.proveByEmail(account.email, password, device, context)
  if (proven.user.id !== account.userId) throw new IdentSphereError('invalid_credentials')
  return proven
}
