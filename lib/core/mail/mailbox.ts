import type { MailMessage, MailTransport } from './message.js'

export interface MailboxMail extends MailMessage {
  sentAt: Date
}

/** Keeps mails in memory instead of sending them, newest first. For development without SMTP, and for tests. */
export interface Mailbox extends MailTransport {
  readonly mails: readonly MailboxMail[]
  clear(): void
}

const maxMails = 100

/** @param onMail called for each mail */
export function createMailbox(onMail: () => void): Mailbox {
  const mails: MailboxMail[] = []
  return {
    mails,
    async send(message) {
      mails.unshift({ ...message, sentAt: new Date() })
      mails.length = Math.min(mails.length, maxMails)
      onMail()
    },
    clear() {
      mails.length = 0
    },
    async close() {},
  }
}
