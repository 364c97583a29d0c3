import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { type ParsedMail, simpleParser } from 'mailparser'
import { SMTPServer } from 'smtp-server'

/** A real SMTP server on loopback that keeps what it has confirmed. */
export interface TestSmtp {
  url: string
  readonly mails: ParsedMail[]
  /** Recipients of the envelope, as the server got them. */
  readonly recipients: string[]
  /** Asked before a mail is confirmed; an error is answered instead. */
  decide: (recipient: string) => Promise<Error | null> | Error | null
  close(): Promise<void>
}

export function smtpError(responseCode: number, text: string): Error {
  return Object.assign(new Error(text), { responseCode })
}

export async function startSmtp(port = 0): Promise<TestSmtp> {
  const mails: ParsedMail[] = []
  const recipients: string[] = []
  const smtp: TestSmtp = { url: '', mails, recipients, decide: () => null, close }
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    async onData(stream, session, done) {
      const chunks: Buffer[] = []
      try {
        for await (const chunk of stream) chunks.push(chunk as Buffer)
      } catch {
        return // The client went away in the middle of it.
      }
      const to = session.envelope.rcptTo.map(({ address }) => address)
      const refusal = await smtp.decide(to[0] ?? '')
      if (refusal !== null) {
        done(refusal)
        return
      }
      recipients.push(...to)
      mails.push(await simpleParser(Buffer.concat(chunks)))
      done()
    },
  })
  server.on('error', () => {})
  server.listen(port, '127.0.0.1')
  await once(server.server, 'listening')
  smtp.url = `smtp://127.0.0.1:${(server.server.address() as AddressInfo).port}`

  async function close(): Promise<void> {
    for (const connection of server.connections) connection.close()
    await new Promise<void>((resolve) => server.close(() => resolve()))
  }
  return smtp
}
