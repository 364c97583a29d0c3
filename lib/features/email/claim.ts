import type { RequestContext } from '../../core/context.js'
import { factsOfUser } from '../../core/journal/facts.js'
import type { Journal } from '../../core/journal/journal.js'
import type { Tx } from '../../core/store/store.js'
import { justChanged } from '../users/security-change.js'
import type { UserCredentials, Users } from '../users/service.js'
import { actions } from './actions.js'

/** Called after the user has proven the mailbox. @returns the security version for a new session */
export type ProveMailbox = (tx: Tx, user: UserCredentials, context: RequestContext) => Promise<number>

/**
 * Handles the proof of a mailbox by a link or a code. If the account's address was verified before, nothing changes. Otherwise an
 * attacker may have registered the address. Then the owner of the mailbox claims the account: password, sessions, factors and
 * profile of the registrant are removed.
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
