import type { MailTransport } from './message.js'

/** Milliseconds. */
const connecting = 10_000
const silent = 30_000

/**
 * Sends through the SMTP server of `url` with nodemailer, which is loaded when the first mail goes out.
 *
 * @param requireTls refuses a server that offers no TLS; `smtps://` is TLS from the first byte
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
      connectionTimeout: connecting,
      greetingTimeout: connecting,
      socketTimeout: silent,
      disableFileAccess: true,
      disableUrlAccess: true,
    } as never)
  }

  return {
    // Without user and password.
    server: new URL(url).host,
    async send({ messageId, from, to, subject, text, html }) {
      opened ??= open()
      const transport = await opened
      await transport.sendMail({
        messageId,
        from,
        // As an object, so that nothing in it can be read as a second address.
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
