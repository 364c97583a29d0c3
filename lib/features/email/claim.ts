import type { RequestContext } from '../../core/context.js'
import { factsOfUser } from '../../core/journal/facts.js'
import type { Journal } from '../../core/journal/journal.js'
import type { Tx } from '../../core/store/store.js'
import { justChanged } from '../users/security-change.js'
import type { UserCredentials, Users } from '../users/service.js'
import { actions } from './actions.js'

/** A user whose mailbox has just been proven → the security version that a new session needs. */
export type ProveMailbox = (tx: Tx, user: UserCredentials, context: RequestContext) => Promise<number>

/**
 * Proof of a mailbox by a link or a code. An account whose address was verified before stays as it is. An account whose address was never
 * verified may have been made by a stranger who waits for the owner of the mailbox: its proof claims the account, and everything that the
 * unproven registrant left is removed.
 *
 * @see GHSA-g38m, CVE-2026-53516; GHSA-qq9h
 */
export function createMailboxProof(deps: { users: Users; journal: Journal }): ProveMailbox {
  const { users, journal } = deps

  async function claimUnverifiedAccount(tx: Tx, user: UserCredentials, context: RequestContext): Promise<number> {
    const version = await users.changeSecurity(tx, 'accountClaimed', {
      userId: user.id,
      expectedVersion: user.security_version,
      update: { passwordHash: null, isEmailProven: true, onlyIfUnverified: true, clearsProfile: true },
      context,
    })
    if (version === undefined) throw justChanged()
    const facts = factsOfUser(user.id, context)
    await journal.record(tx, actions['users.taken_over'], facts)
    await journal.record(tx, actions['users.email_verified'], facts)
    return version
  }

  return async (tx, user, context) =>
    user.email_verified_at === null ? claimUnverifiedAccount(tx, user, context) : user.security_version
}
