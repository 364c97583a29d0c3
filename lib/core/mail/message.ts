/** The recipient of a mail. Exactly one address. */
export interface MailRecipient {
  /** Null if the address has no account. */
  userId: string | null
  email: string
}

/** A user as the recipient of a mail. */
export type UserMailbox = MailRecipient & { userId: string }

/** The result of a template. */
export interface MailContent {
  subject: string
  text: string
  html?: string
}

/** A complete mail for SMTP or for the host's `sendMail`. */
export interface MailMessage extends MailContent {
  /** The `Message-ID` header. It is the same for each attempt, so that receivers can detect a second copy. */
  messageId: string
  from: string
  to: string
}

/** Sends mails. `send` rejects if the mail was not accepted. */
export interface MailTransport {
  /** The SMTP server as `host:port`, for the log. */
  readonly server?: string
  send(message: MailMessage): Promise<void>
  close(): Promise<void>
}
