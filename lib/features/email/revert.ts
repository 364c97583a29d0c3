import type { RequestContext } from '../../core/context.js'
import { IdentSphereError } from '../../core/errors.js'
import { factsOfUser } from '../../core/journal/facts.js'
import type { Journal } from '../../core/journal/journal.js'
import type { Links } from '../../core/mail/links.js'
import type { UserMailbox } from '../../core/mail/message.js'
import type { RevertLink } from '../../core/mail/templates.js'
import type { Store, Tx } from '../../core/store/store.js'
import { refusingTakenEmail, type Users } from '../users/service.js'
import { actions } from './actions.js'
import { type Challenges, lifetimes } from './challenges.js'
import type { MailLink } from './link-mails.js'

/**
 * Reverts what a thief does first: change the address, or add a factor that the owner does not have. The link goes to the address that was
 * proven before, in the transaction of the change, and lives a week. For that long the mailbox alone can remove a factor that was added;
 * a factor from before is still asked for.
 */
export function createReverts(deps: {
  store: Store
  journal: Journal
  users: Users
  challenges: Challenges
  links: Links
  mailLink: MailLink
}) {
  const { store, journal, users, challenges, links, mailLink } = deps
  return {
    /** @param since everything added from then on is removed by the link. Default: from now on */
    async offer(tx: Tx, { userId, email }: UserMailbox, since?: Date): Promise<RevertLink> {
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
     * Gives the account back to the address that it had then: every session ends, factors that were added since are removed, the
     * password is void, and a link for a new one is mailed.
     *
     * @throws IdentSphereError `invalid_credentials`, `conflict` if the address belongs to another account by now
     */
    async revert(token: string, context: RequestContext): Promise<void> {
      const challenge = await challenges.find(['undo'], token)
      const { userId, payload } = challenge
      const { email } = (payload ?? {}) as { email?: string }
      if (userId === null || email === undefined) throw new IdentSphereError('invalid_credentials')
      await store.transaction(async (tx) => {
        await challenges.consume(tx, challenge)
        const securityVersion = await refusingTakenEmail(() =>
          users.changeSecurity(tx, 'changesReverted', {
            userId,
            update: { email, isEmailProven: true, passwordHash: null },
            since: challenge.createdAt,
            context,
          }),
        )
        if (securityVersion === undefined) throw new IdentSphereError('invalid_credentials')
        await mailLink(tx, { kind: 'reset', email, userId, securityVersion })
        await journal.record(tx, actions['users.changes_undone'], factsOfUser(userId, context, { email }))
      })
    },
  }
}

export type Reverts = ReturnType<typeof createReverts>
