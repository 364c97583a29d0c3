import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import type { MailboxMail } from '../../lib/core/mail/mailbox.js'
import { signUp, type TestApp } from './app.js'
import { mailboxOf, runJobs } from './built.js'

export { runJobs } from './built.js'

/** Lets the worker do what is due and answers with the mails to an address, newest first. */
export async function mailsTo(app: Pick<TestApp, 'identsphere'>, email: string): Promise<MailboxMail[]> {
  await runJobs(app)
  return (mailboxOf(app)?.mails ?? []).filter(({ to }) => to === email)
}

/** The newest mail with this subject; waited for, because a worker in the process may just be at it. */
export async function mailTo(app: Pick<TestApp, 'identsphere'>, email: string, subject: RegExp): Promise<MailboxMail> {
  for (let tries = 0; tries < 250; tries += 1) {
    const mail = (await mailsTo(app, email)).find((one) => subject.test(one.subject))
    if (mail !== undefined) return mail
    await setTimeout(20)
  }
  assert.fail(`no mail to ${email} with ${subject}`)
}

/** Signs somebody up who follows the mailed link, as a user does. */
export async function signUpAndFollowLink(app: TestApp, given: { email?: string } = {}) {
  const person = await signUp(app, given)
  const token = tokenIn(await mailTo(app, person.email, /^Confirm your e-mail/))
  assert.equal((await person.client.post('/v1/auth/email/verify', { token })).status, 200)
  return person
}

/** The token in the link of a mail. */
export function tokenIn(mail: Pick<MailboxMail, 'text'>): string {
  const token = /#token=([\w-]+)/.exec(mail.text)?.[1]
  assert.ok(token, mail.text)
  return token
}

export function codeIn(mail: Pick<MailboxMail, 'text'>): string {
  const code = /^\d{6}$/m.exec(mail.text)?.[0]
  assert.ok(code, mail.text)
  return code
}
