import type { MailTransport } from './message.js'

const connectTimeoutMs = 10_000
const idleTimeoutMs = 30_000

/**
 * Sends mail with nodemailer. The package is loaded when the first mail is sent.
 *
 * @param requireTls refuses a server without TLS. `smtps://` uses TLS in any case
 */
export function createSmtpTransport(url: string, { requireTls }: { requireTls: boolean }): MailTransport {
  let opened: Promise<import('nodemailer').Transporter> | undefined

  async function open() {
    const { createTransport } = await import('nodemailer')
    return createTransport({
      url,
      pool: true,
      maxConnections: 4,
      requireTLS: requireTls && !url.startsWith('smtps:'),
      connectionTimeout: connectTimeoutMs,
      greetingTimeout: connectTimeoutMs,
      socketTimeout: idleTimeoutMs,
      disableFileAccess: true,
      disableUrlAccess: true,
    } as never)
  }

  return {
    server: new URL(url).host,
    async send({ messageId, from, to, subject, text, html }) {
      opened ??= open()
      const transport = await opened
      await transport.sendMail({
        messageId,
        from,
        // Nodemailer would parse a string as a list of addresses.
        to: { name: '', address: to },
        subject,
        text,
        ...(html === undefined ? {} : { html }),
      })
    },
    async close() {
      const transport = await opened?.catch(() => undefined)
      transport?.close()
    },
  }
}
