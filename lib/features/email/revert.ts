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
import { type Challenges, lifetimeSeconds } from './challenges.js'
import type { MailLink } from './link-mails.js'

/**
 * Links that revert a change of the address or a new factor, because a thief would do that first. The link is mailed to the old
 * verified address in the transaction of the change, and is valid for a week. During that week, the mailbox alone can remove a new
 * factor. Sign-ins still require older factors.
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
    /** @param since the link removes factors that were added after this time. Default: now */
    async offer(tx: Tx, { userId, email }: UserMailbox, since?: Date): Promise<RevertLink> {
      const token = await challenges.issueLink(tx, {
        kind: 'undo',
        email,
        userId,
        securityVersion: null,
        payload: { email },
        ...(since === undefined ? {} : { createdAt: since }),
      })
      return { undoLink: links.page('undo', token), expiresInSeconds: lifetimeSeconds.undo }
    },

    /**
     * Restores the old address. All sessions end, newer factors and the password are removed, and a link for a new password is mailed.
     *
     * @throws IdentSphereError `invalid_credentials`, `conflict` if the address is now in use by another account
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
