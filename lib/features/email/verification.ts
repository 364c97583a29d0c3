import type { RequestContext } from '../../core/context.js'
import { IdentSphereError } from '../../core/errors.js'
import type { Journal } from '../../core/journal/journal.js'
import type { Outbox } from '../../core/mail/outbox.js'
import type { Store, Tx } from '../../core/store/store.js'
import type { Passwords } from '../passwords/service.js'
import type { Accounts } from '../users/service.js'
import { type AccountProof, proveAccount } from './account-proof.js'
import type { Challenges, ProvenChallenge } from './challenges.js'
import type { MailLink } from './link-mails.js'

/**
 * Verification of an address. A link alone is not enough: it would confirm whatever account a stranger made with somebody
 * else's address. It takes a live session of that user, or the password.
 */
export function createVerification(options: {
  store: Store
  journal: Journal
  accounts: Accounts
  passwords: Passwords
  challenges: Challenges
  outbox: Outbox
  mailLink: MailLink
}) {
  const { store, journal, accounts, passwords, challenges, outbox, mailLink } = options

  return {
    /** Mails a link to the address of the person who is signed in. */
    request: (tx: Tx, userId: string): Promise<void> => outbox.request(tx, 'verification', { userId }),

    /** In the worker. */
    async answer(tx: Tx, { userId }: { userId: string }): Promise<void> {
      const user = await accounts.credentialsById(tx, userId)
      if (user?.status !== 'active' || user.email_verified_at !== null) return
      if (!(await challenges.mayMail(tx, user.email))) return
      await mailLink(tx, {
        kind: 'verify',
        email: user.email,
        userId,
        securityVersion: user.security_version,
        payload: { email: user.email },
      })
    },

    /**
     * @throws IdentSphereError `invalid_credentials` for a link that is not good, `reauthentication_required` where neither a
     * session of the user nor the password came with it
     */
    async confirm(challenge: ProvenChallenge, proof: AccountProof, context: RequestContext): Promise<void> {
      const { userId } = challenge
      const { email } = (challenge.payload ?? {}) as { email?: string }
      if (userId === null || email === undefined) throw new IdentSphereError('invalid_credentials')
      const proven = await proveAccount(passwords, { userId, email }, proof, context)
      await store.transaction(async (tx) => {
        await challenges.consume(tx, challenge)
        await proven.settle(tx)
        await accounts.markVerified(tx, userId, email)
        await journal.record(tx, 'users.email_verified', {
          actorId: userId,
          resource: { type: 'user', id: userId },
          email,
          context,
        })
      })
    },
  }
}

export type Verification = ReturnType<typeof createVerification>
