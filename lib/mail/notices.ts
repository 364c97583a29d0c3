import type { Tx } from '../store/store.js'
import type { Links } from './links.js'
import type { MailRecipient } from './message.js'
import type { Outbox } from './outbox.js'
import type { MailParameters } from './templates.js'

/** Mails that tell a user what happened to the account. */
export type NoticeName =
  | 'passwordChanged'
  | 'passkeyAdded'
  | 'passkeyRemoved'
  | 'sessionReused'
  | 'mfaEnabled'
  | 'mfaDisabled'
  | 'recoveryCodesRenewed'
  | 'recoveryCodeUsed'
  | 'secondFactorBlocked'
  | 'accountErased'

/** Tells a user what was done, in the transaction of the act. */
export type Notify = (tx: Tx, name: NoticeName, userId: string) => Promise<void>

export function createNotices(options: {
  outbox: Outbox
  links: Links
  /** Where the user's mail goes now, or null for who has none. */
  recipient: (tx: Tx, userId: string) => Promise<MailRecipient | null>
}): Notify {
  const { outbox, links, recipient } = options
  const withResetLink = () => ({ resetLink: links.page('resetPassword') })
  const parameters: { [Name in NoticeName]: () => MailParameters[Name] } = {
    passwordChanged: withResetLink,
    passkeyAdded: withResetLink,
    passkeyRemoved: withResetLink,
    sessionReused: withResetLink,
    mfaEnabled: withResetLink,
    mfaDisabled: withResetLink,
    recoveryCodesRenewed: withResetLink,
    recoveryCodeUsed: withResetLink,
    secondFactorBlocked: withResetLink,
    accountErased: () => ({}),
  }
  return async (tx, name, userId) => {
    if (!outbox.enabled) return
    const to = await recipient(tx, userId)
    if (to !== null) await outbox.send(tx, { template: name, to, parameters: parameters[name]() })
  }
}
