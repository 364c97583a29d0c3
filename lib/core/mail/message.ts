/** Who a mail goes to. Exactly one address. */
export interface MailRecipient {
  /** Null where the address belongs to no account yet. */
  userId: string | null
  email: string
}

/** A user, and where their mail goes now. */
export type UserMailbox = MailRecipient & { userId: string }

/** What a template makes. */
export interface MailContent {
  subject: string
  text: string
  html?: string
}

/** A mail as it is handed to SMTP or to the host's `sendMail`. */
export interface MailMessage extends MailContent {
  /** The `Message-ID` header: the same each time this mail is tried, so that a second copy can be told. */
  messageId: string
  from: string
  to: string
}

/** Sends one mail. Rejects where it was not taken. */
export interface MailTransport {
  /** The SMTP server, as `host:port`, for the log. */
  readonly server?: string
  send(message: MailMessage): Promise<void>
  close(): Promise<void>
}
