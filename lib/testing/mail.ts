import type { Worker } from '../core/jobs/worker.js'
import type { Mailbox } from '../core/mail/mailbox.js'
import type { MailMessage } from '../core/mail/message.js'

/** Mail in tests: nothing is sent anywhere. */
export interface TestMail {
  /**
   * Every mail so far, newest first. Does first what the worker would do, so that a mail is there as soon as the request
   * that led to it was answered.
   */
  all(): Promise<readonly MailMessage[]>
  /**
   * The newest mail to an address.
   *
   * @throws Error where there is none
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
    if (mailbox === null) throw new Error('identsphere.mail: the option `mailer` is set, so mail goes there')
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
