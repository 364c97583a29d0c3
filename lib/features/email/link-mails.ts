import type { PageName } from '../../core/config/pages.js'
import type { Links } from '../../core/mail/links.js'
import type { Outbox } from '../../core/mail/outbox.js'
import type { Tx } from '../../core/store/store.js'
import { type Challenges, type LinkChallenge, lifetimeSeconds } from './challenges.js'

/** The mail for each kind of link, and the page that the link opens. */
const mails = {
  register: { template: 'verifyEmail', page: 'verifyEmail' },
  verify: { template: 'verifyEmail', page: 'verifyEmail' },
  reset: { template: 'resetPassword', page: 'resetPassword' },
  magic: { template: 'signInLink', page: 'signInLink' },
  change: { template: 'confirmNewEmail', page: 'confirmEmail' },
} as const satisfies Record<Exclude<LinkChallenge['kind'], 'undo'>, { template: string; page: PageName }>

/** Creates a challenge and mails its link. */
export type MailLink = (tx: Tx, challenge: LinkChallenge & { kind: keyof typeof mails }) => Promise<void>

export function createLinkMails(deps: { challenges: Challenges; outbox: Outbox; links: Links }): MailLink {
  const { challenges, outbox, links } = deps
  return async (tx, challenge) => {
    const { template, page } = mails[challenge.kind]
    const token = await challenges.issueLink(tx, challenge)
    const expiresInSeconds = lifetimeSeconds[challenge.kind]
    await outbox.send(tx, {
      template,
      to: { userId: challenge.userId, email: challenge.email },
      parameters: { link: links.page(page, token), expiresInSeconds },
      expiresInSeconds,
    })
  }
}
