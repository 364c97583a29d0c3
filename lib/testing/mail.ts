import type { Worker } from '../core/jobs/worker.js'
import type { Mailbox } from '../core/mail/mailbox.js'
import type { MailMessage } from '../core/mail/message.js'

/** Captured mail in tests. Nothing is sent. */
export interface TestMail {
  /**
   * All mails, newest first. It first runs the worker's jobs, so it includes the mails of all answered requests.
   */
  all(): Promise<readonly MailMessage[]>
  /**
   * The newest mail to an address.
   *
   * @throws Error if there is no mail to the address
   * @example
   * ```ts
   * const { text } = await identsphere.mail.lastTo('ada@example.com')
   * const [, token] = /#token=([\w-]+)/.exec(text)
   * ```
   */
  lastTo(email: string): Promise<MailMessage>
}

export function createTestMail({ worker, mailbox }: { worker: Worker; mailbox: Mailbox | null }): TestMail {
  async function all(): Promise<readonly MailMessage[]> {
    if (mailbox === null) throw new Error('identsphere.mail: the option `mailer` is set, so no mail is captured')
    await worker.drain()
    return [...mailbox.mails]
  }
  return {
    all,
    async lastTo(email) {
      const found = (await all()).find(({ to }) => to === email)
      if (found === undefined) throw new Error(`identsphere.mail: there is no mail to ${email}`)
      return found
    },
  }
}
