import type { Auth } from '../../core/auth.js'
import type { RequestContext } from '../../core/context.js'
import { IdentSphereError } from '../../core/errors.js'
import type { Tx } from '../../core/store/store.js'
import type { Passwords } from '../passwords/service.js'

/** What a request carries besides the token of a mailed link. */
export interface AccountProof {
  auth: Auth | null
  password: string | undefined
  device: string | null
}

/**
 * A mailed link proves the mailbox, not the account. The account needs a live session of its user, or its password. Otherwise a user who
 * follows a link would give their address to an account that a stranger made or changed.
 *
 * @returns what follows from the proof, for the transaction that uses the link up
 * @throws IdentSphereError `reauthentication_required` without a session or a password, `invalid_credentials`, `rate_limited`
 */
export async function proveAccount(
  passwords: Pick<Passwords, 'proveByEmail'>,
  account: { userId: string; email: string },
  { auth, password, device }: AccountProof,
  context: RequestContext,
): Promise<{ apply(tx: Tx): Promise<void> }> {
  if (auth?.userId === account.userId && auth.impersonatorId === null) return { async apply() {} }
  if (password === undefined) throw new IdentSphereError('reauthentication_required')
  const proven = await passwords.proveByEmail(account.email, password, device, context)
  if (proven.user.id !== account.userId) throw new IdentSphereError('invalid_credentials')
  return proven
}
