import type { Links } from '../../core/mail/links.js'
import type { UserMailbox } from '../../core/mail/message.js'
import type { Outbox } from '../../core/mail/outbox.js'
import type { MailParameters, WayBack } from '../../core/mail/templates.js'
import type { Tx } from '../../core/store/store.js'

/** Mails that tell a user what happened to the account. */
export type NoticeName =
  | 'passwordChanged'
  | 'passkeyAdded'
  | 'passkeyRemoved'
  | 'sessionReused'
  | 'mfaEnabled'
  | 'mfaReplaced'
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
  /** Null for who has no address. */
  recipient: (tx: Tx, userId: string) => Promise<{ to: UserMailbox; isProven: boolean } | null>
  /** Whether an address may get one more mail that it did not prove to want. */
  mayMail: (tx: Tx, email: string) => Promise<boolean>
  /** Makes the way back from what was just done, for an address. */
  offerUndo: (tx: Tx, to: UserMailbox) => Promise<WayBack>
}): Notify {
  const { outbox, links, recipient, mayMail, offerUndo } = options
  const withResetLink = () => ({ resetLink: links.page('resetPassword') })
  const parameters: {
    [Name in NoticeName]: (tx: Tx, to: UserMailbox) => MailParameters[Name] | Promise<MailParameters[Name]>
  } = {
    passwordChanged: withResetLink,
    passkeyAdded: offerUndo,
    passkeyRemoved: withResetLink,
    sessionReused: withResetLink,
    mfaEnabled: offerUndo,
    mfaReplaced: withResetLink,
    mfaDisabled: withResetLink,
    recoveryCodesRenewed: withResetLink,
    recoveryCodeUsed: withResetLink,
    secondFactorBlocked: withResetLink,
    accountErased: () => ({}),
  }
  return async (tx, name, userId) => {
    if (!outbox.enabled) return
    const found = await recipient(tx, userId)
    if (found === null) return
    const { to, isProven } = found
    // A stranger's, perhaps, whom the maker of the account would flood by changing the password over and over.
    if (!isProven && !(await mayMail(tx, to.email))) return
    await outbox.send(tx, { template: name, to, parameters: await parameters[name](tx, to) })
  }
}
