import { createRequire } from 'node:module'
import { ConfigurationError } from '../config/configuration-error.js'
import type { Logger } from '../config/logger.js'
import { isOnLoopback } from '../config/loopback.js'
import { withoutSlash } from '../config/public-base-url.js'
import { createMailbox, type Mailbox } from './mailbox.js'
import type { MailMessage, MailTransport } from './message.js'
import { createSmtpTransport } from './smtp.js'
import { defaultTemplates, type MailTemplates } from './templates.js'

const smtpSetting = 'mailer.smtpUrl (SMTP_URL)'
/** Parameters that the query of an SMTP URL may set in production. Nodemailer reads every option from it, before ours. */
const allowedSmtpParameters = new Set(['name', 'localAddress', 'authMethod', 'maxMessages', 'tls.servername'])

export interface Mailer {
  readonly transport: MailTransport
  readonly from: string
  readonly templates: MailTemplates
  /** Captured mail in development without a mailer, or null. */
  readonly mailbox: Mailbox | null
}

interface MailerOptions {
  from?: string | undefined
  smtpUrl?: string | undefined
  sendMail?: ((message: MailMessage) => unknown) | undefined
  templates?: Partial<MailTemplates> | undefined
}

/** Returns the mailer: the host's function, an SMTP server, or the mailbox in development. Null if mail cannot be sent. */
export function mailerOf(
  mailer: MailerOptions,
  { publicBaseUrl, development, logger }: { publicBaseUrl: URL; development: boolean; logger: Logger },
): Mailer | null {
  const { smtpUrl, sendMail } = mailer
  const templates: MailTemplates = { ...defaultTemplates, ...mailer.templates }
  if (smtpUrl !== undefined && sendMail !== undefined) {
    throw new ConfigurationError('mailer', 'has both sendMail and an SMTP server', 'Remove one of them.')
  }
  if (smtpUrl === undefined && sendMail === undefined) {
    if (!development) return null
    const page = `${withoutSlash(publicBaseUrl.href)}/v1/dev/mailbox`
    const mailbox = createMailbox(() => logger.info({ page }, 'a mail was captured, open the mailbox page to read it'))
    const from = mailer.from ?? `no-reply@${publicBaseUrl.hostname}`
    return Object.freeze({ transport: mailbox, from, templates, mailbox })
  }
  if (mailer.from === undefined) {
    throw new ConfigurationError(
      'mailer.from (IDENTSPHERE_MAIL_FROM)',
      'is missing',
      'Set it to the sender of mails, e.g. Example <no-reply@example.com>.',
    )
  }
  return Object.freeze({ transport: transportOf(mailer, development), from: mailer.from, templates, mailbox: null })
}

function transportOf({ smtpUrl, sendMail }: MailerOptions, development: boolean): MailTransport {
  if (smtpUrl === undefined) {
    return { send: async (message) => void (await sendMail?.(message)), close: async () => {} }
  }
  if (!URL.canParse(smtpUrl))
    throw new ConfigurationError(smtpSetting, 'is not a URL', 'Use smtp://user:password@host:587.')
  const url = new URL(smtpUrl)
  const weakening = development
    ? undefined
    : [...url.searchParams.keys()].find((name) => !allowedSmtpParameters.has(name))
  if (weakening !== undefined) {
    throw new ConfigurationError(
      smtpSetting,
      `has the parameter ${weakening}, which could send mail without TLS or elsewhere`,
      'Remove it, or use `mailer.sendMail`.',
    )
  }
  assertNodemailer()
  return createSmtpTransport(smtpUrl, { requireTls: !development && !isOnLoopback(url) })
}

function assertNodemailer(): void {
  try {
    createRequire(import.meta.url).resolve('nodemailer')
  } catch {
    throw new ConfigurationError('SMTP_URL', 'needs the package nodemailer', 'Run `npm install nodemailer`.')
  }
}
