import type { Auth } from '../../core/auth.js'
import type { RequestContext } from '../../core/context.js'
import { IdentSphereError } from '../../core/errors.js'
import type { Tx } from '../../core/store/store.js'
import type { Passwords } from '../passwords/service.js'

/** Credentials of a request besides the token of a mailed link. */
export interface AccountProof {
  auth: Auth | null
  password: string | undefined
  device: string | null
}

/**
 * A mailed link proves only the mailbox. The account needs a live session of its user, or the password. Otherwise an attacker could
 * register the address of someone else. The owner of the address would then verify that account by opening the link.
 *
 * @returns a function that consumes the proof, for the transaction that consumes the link
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
