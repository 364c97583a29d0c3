import type { MailMessage, MailTransport } from './message.js'

/** A mail in the mailbox of a developer's own application. */
export interface MailboxMail extends MailMessage {
  sentAt: Date
}

/** Keeps what would have been sent, newest first, in memory: for development without SMTP, and for tests. */
export interface Mailbox extends MailTransport {
  readonly mails: readonly MailboxMail[]
  clear(): void
}

const most = 100

/** @param announce called for each mail */
export function createMailbox(announce: () => void): Mailbox {
  const mails: MailboxMail[] = []
  return {
    mails,
    async send(message) {
      mails.unshift({ ...message, sentAt: new Date() })
      mails.length = Math.min(mails.length, most)
      announce()
    },
    clear() {
      mails.length = 0
    },
    async close() {},
  }
}
