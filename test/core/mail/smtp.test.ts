import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { signUp, startApp, type TestApp } from '../../support/app.js'
import { runJobs as runJobsOf } from '../../support/built.js'
import { until } from '../../support/mail-workers.js'
import { smtpError, startSmtp, type TestSmtp } from '../../support/smtp.js'

const from = 'Example Works <no-reply@example.com>'

describe('mail by SMTP', () => {
  let smtp: TestSmtp
  let app: TestApp
  before(async () => {
    smtp = await startSmtp()
    app = await startApp({ mailer: { from, smtpUrl: smtp.url } })
  })
  after(async () => {
    await app.close()
    await smtp.close()
  })

  const runJobs = (node: TestApp = app) => runJobsOf(node)
  const waiting = async () =>
    (
      await app.sql(
        'SELECT count(*)::int AS count FROM identsphere.mail_outbox WHERE sent_at IS NULL AND given_up_at IS NULL',
      )
    )[0].count

  function arrived(email: string) {
    return smtp.mails.filter(({ to }) => to !== undefined && !Array.isArray(to) && to.text === email)
  }

  it('arrives with one recipient, the configured sender, text and HTML', async () => {
    const { email } = await signUp(app)
    await runJobs()
    const [mail] = arrived(email)
    assert.equal(mail?.from?.text, '"Example Works" <no-reply@example.com>')
    assert.match(mail?.text ?? '', /#token=/)
    assert.match(String(mail?.html), /<a href="http:\/\/localhost[^"]+#token=[\w-]+">/)
    assert.match(mail?.messageId ?? '', /^<[0-9a-f-]{36}@localhost>$/)
    assert.deepEqual(smtp.recipients, [email])
  })

  it('waits as long as the server is away, then goes out', async () => {
    const { email } = await signUp(app)
    smtp.decide = () => smtpError(421, 'closing')
    await runJobs()
    assert.deepEqual(arrived(email), [])
    assert.equal(await waiting(), 1)
    smtp.decide = () => null
    app.clock.advance(2 * 3_600)
    await runJobs()
    assert.equal(arrived(email).length, 1)
    assert.equal(await waiting(), 0)
  })

  it('is logged without password and address if it cannot go out', async () => {
    const smtpUrl = 'smtp://mailman:hush-hush@127.0.0.1:1/?name=mailman'
    const node = await app.node({ mailer: { from, smtpUrl } })
    const { email } = await signUp(node)
    await runJobs(node)
    const line = node.log.lines.find((one) => one.includes('a mail was not sent')) ?? ''
    assert.match(line, /server: '127\.0\.0\.1:1'/)
    for (const never of ['mailman', 'hush', email]) assert.ok(!line.includes(never), line)
    app.clock.advance(3_600)
    await runJobs()
    assert.equal(arrived(email).length, 1)
  })

  it('is given up and wiped if rejected permanently or expired', async () => {
    const { email } = await signUp(app)
    smtp.decide = () => smtpError(550, `no such mailbox ${email}`)
    await runJobs()
    smtp.decide = () => null
    const [row] = await app.sql(
      'SELECT given_up_at IS NOT NULL AS given_up, sealed_parameters FROM identsphere.mail_outbox WHERE sent_at IS NULL',
    )
    assert.deepEqual(row, { given_up: true, sealed_parameters: null })
    assert.ok(!app.log.lines.some((line) => line.includes(email)), "the server's answer is not logged")

    const late = await signUp(app)
    await app.client().post('/v1/auth/email-otp/request', { email: late.email })
    smtp.decide = () => smtpError(451, 'later')
    await runJobs()
    for (const seconds of [60, 600]) {
      app.clock.advance(seconds)
      await runJobs()
    }
    smtp.decide = () => null
    app.clock.advance(2 * 3_600)
    await runJobs()
    assert.deepEqual(
      arrived(late.email).map(({ subject }) => subject),
      ['Confirm your e-mail address'],
      'the link is still valid, the code is not',
    )
  })

  it('continues past a request that fails, which is retried alone', async () => {
    const { email } = await signUp(app)
    const other = await signUp(app)
    await runJobs()
    await app.sql(`ALTER TABLE identsphere.email_challenges ADD CONSTRAINT no_links CHECK (kind <> 'magic') NOT VALID`)
    await app.client().post('/v1/auth/magic-link/request', { email })
    await app.client().post('/v1/auth/password/forgot', { email: other.email })
    await runJobs()
    assert.deepEqual(
      [arrived(email).length, arrived(other.email).length],
      [1, 2],
      'the link is not created, the next mail is',
    )
    await app.sql('ALTER TABLE identsphere.email_challenges DROP CONSTRAINT no_links')
    app.clock.advance(61)
    await runJobs()
    assert.equal(arrived(email).length, 2)
  })

  it('is sent once by any number of workers', async () => {
    const nodes = [app, await app.node(), await app.node()]
    const people = await Promise.all(Array.from({ length: 20 }, () => signUp(app)))
    smtp.mails.length = 0
    await Promise.all(nodes.map((node) => runJobs(node)))
    for (const { email } of people) assert.equal(arrived(email).length, 1, email)
    assert.equal(smtp.mails.length, people.length)
  })

  it('is not sent again once confirmed, even if the database fails meanwhile', async () => {
    const { email } = await signUp(app)
    smtp.decide = async () => {
      await app.sql('ALTER TABLE identsphere.mail_outbox RENAME TO mail_outbox_away')
      return null
    }
    const running = runJobs().catch(() => {}) // other parts of the job find the table missing
    const told = () => app.log.lines.some((line) => line.includes('marking it as sent failed'))
    await until(told, 'the log says that the mail was sent and is not marked')
    smtp.decide = () => null
    await app.sql('ALTER TABLE identsphere.mail_outbox_away RENAME TO mail_outbox')
    await running
    app.clock.advance(3_600)
    await runJobs()
    assert.equal(arrived(email).length, 1)
    assert.equal(await waiting(), 0)
  })

  it('goes to one address only, whatever was typed', async () => {
    for (const email of [
      'a@example.com,b@example.com',
      '"e@evil.example"@example.com',
      'a@example.com\r\nBcc: b@example.com',
      '<b@example.com>',
      'a＠example.com',
      `${'a'.repeat(300)}@example.com`,
    ]) {
      for (const path of ['password/forgot', 'email-otp/request', 'magic-link/request']) {
        assert.equal((await app.client().post(`/v1/auth/${path}`, { email })).status, 400, email)
      }
    }
  })

  it('is written in the transaction of its cause and sent outside requests', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1')
    await new Promise((resolve) => silent.once('listening', resolve))
    const { port } = silent.address() as { port: number }
    const node = await app.node({ mailer: { from, smtpUrl: `smtp://127.0.0.1:${port}` } })
    const { email } = await signUp(node)
    silent.close()
    await runJobs()
    assert.equal(arrived(email).length, 1)
  })
})
