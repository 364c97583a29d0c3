import type { KeyRing } from '../../core/crypto/key-ring.js'
import type { Journal } from '../../core/journal/journal.js'
import type { Links } from '../../core/mail/links.js'
import type { Outbox } from '../../core/mail/outbox.js'
import type { Store } from '../../core/store/store.js'
import type { Users } from '../users/service.js'
import { type Challenges, createChallenges } from './challenges.js'
import { createMailboxProof, type ProveMailbox } from './claim.js'
import { createCodeMails, type MailCode } from './code-mails.js'
import { createLinkMails, type MailLink } from './link-mails.js'
import { createReverts, type Reverts } from './revert.js'

/** Services that send and verify mailed links and codes. */
export interface MailProofs {
  readonly challenges: Challenges
  readonly mailLink: MailLink
  readonly mailCode: MailCode
  readonly proveMailbox: ProveMailbox
  readonly reverts: Reverts
}

export function createMailProofs(deps: {
  store: Store
  keys: KeyRing
  journal: Journal
  outbox: Outbox
  links: Links
  users: Users
}): MailProofs {
  const { store, keys, journal, outbox, links, users } = deps
  const challenges = createChallenges({ store, keys })
  const mailLink = createLinkMails({ challenges, outbox, links })
  return {
    challenges,
    mailLink,
    mailCode: createCodeMails({ challenges, outbox }),
    proveMailbox: createMailboxProof({ users, journal }),
    reverts: createReverts({ store, journal, users, challenges, links, mailLink }),
  }
}
