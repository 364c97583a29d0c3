import type { RequestContext } from '../../core/context.js'
import { IdentSphereError } from '../../core/errors.js'
import type { Journal } from '../../core/journal/journal.js'
import type { Links } from '../../core/mail/links.js'
import type { UserMailbox } from '../../core/mail/message.js'
import type { WayBack } from '../../core/mail/templates.js'
import type { Store, Tx } from '../../core/store/store.js'
import type { Sessions } from '../sessions/service.js'
import type { SignIn } from '../sign-in/service.js'
import type { Accounts } from '../users/service.js'
import { type Challenges, lifetimes } from './challenges.js'
import type { MailLink } from './link-mails.js'

/**
 * The way back from what a thief does first: to move the address, or to add a factor that the owner has not got. It goes to the
 * address that was proven before, in the transaction of the change, and lives a week. For that long the mailbox alone can take
 * a factor away that came; one that was there before is still asked for.
 */
export function createUndo(options: {
  store: Store
  journal: Journal
  accounts: Accounts
  sessions: Sessions
  challenges: Challenges
  links: Links
  mailLink: MailLink
  signIn: SignIn
}) {
  const { store, journal, accounts, sessions, challenges, links, mailLink, signIn } = options
  return {
    /** @param since what came from then on goes. Default: from now on */
    async offer(tx: Tx, { userId, email }: UserMailbox, since?: Date): Promise<WayBack> {
      const token = await challenges.issueLink(tx, {
        kind: 'undo',
        email,
        userId,
        securityVersion: null,
        payload: { email },
        ...(since === undefined ? {} : { createdAt: since }),
      })
      return { undoLink: links.page('undo', token), expiresInSeconds: lifetimes.undo }
    },

    /**
     * Gives the account back to the address that it had then: every session ends, factors that came since go, the password is
     * void, and a link for a new one is mailed.
     *
     * @throws IdentSphereError `invalid_credentials`, `conflict` where the address has another account by now
     */
    async take(token: string, context: RequestContext): Promise<void> {
      const challenge = await challenges.find(['undo'], token)
      const { userId, payload } = challenge
      const { email } = (payload ?? {}) as { email?: string }
      if (userId === null || email === undefined) throw new IdentSphereError('invalid_credentials')
      await store.transaction(async (tx) => {
        await challenges.consume(tx, challenge)
        const securityVersion = await accounts.restoreEmail(tx, userId, email)
        await sessions.endAll(tx, userId, 'changes_undone', context)
        await signIn.removeSecondFactors(tx, userId, challenge.createdAt)
        // Ways back from later changes are somebody else's; those from earlier ones have the last word.
        await challenges.voidAll(tx, userId, challenge.createdAt)
        await mailLink(tx, { kind: 'reset', email, userId, securityVersion })
        await journal.record(tx, 'users.changes_undone', {
          actorId: userId,
          resource: { type: 'user', id: userId },
          email,
          context,
        })
      })
    },
  }
}

export type Undo = ReturnType<typeof createUndo>
