import type { RequestContext } from '../../core/context.js'
import type { Journal } from '../../core/journal/journal.js'
import type { Tx } from '../../core/store/store.js'
import type { Organizations } from '../organizations/service.js'
import type { Sessions } from '../sessions/service.js'
import type { SignIn } from '../sign-in/service.js'
import type { Accounts, UserCredentials } from '../users/service.js'
import type { Challenges } from './challenges.js'

/** An account whose mailbox has just been proven, and the security version that a session of it needs. */
export type ProveMailbox = (tx: Tx, user: UserCredentials, context: RequestContext) => Promise<number>

/**
 * Proof of a mailbox by a link or a code. An account whose address was verified before stays as it is. One whose address never
 * was may have been made by anybody, in wait for the owner of the mailbox: everything that the unproven registrant left is
 * taken away, and the account is the owner's.
 *
 * @see GHSA-g38m, CVE-2026-53516; GHSA-qq9h
 */
export function createMailboxProof(options: {
  accounts: Accounts
  sessions: Sessions
  organizations: Organizations
  challenges: Challenges
  signIn: SignIn
  journal: Journal
}): ProveMailbox {
  const { accounts, sessions, organizations, challenges, signIn, journal } = options
  return async (tx, user, context) => {
    if (user.email_verified_at !== null) return user.security_version
    const securityVersion = await accounts.takeOver(tx, user)
    await sessions.endAll(tx, user.id, 'taken_over', context)
    await organizations.leaveAll(tx, user.id)
    // Ways back as well: whoever made the account has none.
    await challenges.voidAll(tx, user.id, new Date(0))
    await signIn.removeSecondFactors(tx, user.id)
    const facts = { actorId: user.id, resource: { type: 'user', id: user.id }, context }
    await journal.record(tx, 'users.taken_over', facts)
    await journal.record(tx, 'users.email_verified', facts)
    return securityVersion
  }
}
