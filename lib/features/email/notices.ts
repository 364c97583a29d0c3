import type { JournalEntry } from '../../core/journal/journal.js'
import type { Links } from '../../core/mail/links.js'
import type { UserMailbox } from '../../core/mail/message.js'
import type { Outbox } from '../../core/mail/outbox.js'
import type { MailParameters, NoticeName } from '../../core/mail/templates.js'
import type { Tx } from '../../core/store/store.js'
import type { Users } from '../users/service.js'
import type { MailProofs } from './mail-proofs.js'

/** Sends notices about changes of the account, as a reaction to journal entries in the same transaction. */
export function createNotices(deps: {
  outbox: Outbox
  links: Links
  users: Pick<Users, 'recipient'>
  proofs: Pick<MailProofs, 'challenges' | 'reverts'>
}): (tx: Tx, entry: JournalEntry) => Promise<void> {
  const { outbox, links, users } = deps
  const { challenges, reverts } = deps.proofs
  const withResetLink = () => ({ resetLink: links.page('resetPassword') })
  const withRevertLink = (tx: Tx, to: UserMailbox) => reverts.offer(tx, to)
  const parameters: {
    [Name in NoticeName]: (tx: Tx, to: UserMailbox) => MailParameters[Name] | Promise<MailParameters[Name]>
  } = {
    passwordChanged: withResetLink,
    passkeyAdded: withRevertLink,
    passkeyRemoved: withResetLink,
    sessionReused: withResetLink,
    mfaEnabled: withRevertLink,
    mfaReplaced: withResetLink,
    mfaDisabled: withResetLink,
    recoveryCodesRenewed: withResetLink,
    recoveryCodeUsed: withResetLink,
    secondFactorBlocked: withResetLink,
    accountErased: () => ({}),
  }
  return async (tx, { action: { notice }, subjectId }) => {
    if (notice === undefined || subjectId === null || !outbox.enabled) return
    const recipient = await users.recipient(tx, subjectId)
    if (recipient === null) return
    const { to, isVerified } = recipient
    // An unverified address may belong to someone else. Repeated changes of the password must not flood that mailbox.
    if (!isVerified && !(await challenges.mayMail(tx, to.email))) return
    await outbox.send(tx, { template: notice, to, parameters: await parameters[notice](tx, to) })
  }
}
