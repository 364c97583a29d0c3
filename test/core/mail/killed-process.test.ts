/**
 * Processes that are killed while mail is on its way: none is lost, and what the server has confirmed is not sent again.
 *
 * @waits for the interval of workers
 */
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { type MailWorkers, startMailWorkers, until } from '../../support/mail-workers.js'
import { smtpError } from '../../support/smtp.js'

describe('a process that is killed', () => {
  let mail: MailWorkers
  before(async () => {
    mail = await startMailWorkers()
  })
  afterEach(() => mail.reset())
  after(() => mail?.close())

  it('after the request and before anything was sent loses nothing', async () => {
    const emails = await Promise.all(Array.from({ length: 5 }, mail.mailWaiting))
    assert.equal(await mail.waiting(), 5)
    await mail.startWorker()
    await until(async () => (await mail.waiting()) === 0, 'the mails are sent')
    for (const email of emails) assert.equal(mail.copies(email), 1)
  })

  it('while the server has a mail and did not confirm it leaves it to the next, which sends it once', async () => {
    const reached: Array<() => void> = []
    let hold = true
    const arrived = new Promise<void>((resolve) => reached.push(resolve))
    mail.smtp.decide = async () => {
      if (!hold) return null
      for (const resolve of reached) resolve()
      await new Promise((resolve) => setTimeout(resolve, 60_000).unref())
      return smtpError(451, 'never said')
    }
    const email = await mail.mailWaiting()
    const first = await mail.startWorker()
    await arrived
    await mail.kill(first)
    assert.equal(mail.copies(email), 0)
    hold = false
    const second = await mail.startWorker()
    await mail.endClaims()
    await until(async () => (await mail.waiting()) === 0, 'the mail is sent')
    assert.equal(mail.copies(email), 1)
    await mail.kill(second)
  })

  it('is not waited for: a claim holds for a minute, then the mail belongs to whoever is there', async () => {
    mail.smtp.decide = () => new Promise<null>(() => {})
    const email = await mail.mailWaiting()
    const first = await mail.startWorker()
    await until(
      async () =>
        (await mail.app.sql('SELECT 1 FROM identsphere.mail_outbox WHERE attempts > 0 AND sent_at IS NULL')).length > 0,
      'the mail is claimed',
    )
    await mail.kill(first)
    const [row] = await mail.app.sql(
      'SELECT extract(epoch FROM next_attempt_at - now())::float8 AS seconds FROM identsphere.mail_outbox WHERE sent_at IS NULL',
    )
    assert.ok(row.seconds > 0 && row.seconds <= 60, `${row.seconds}`)
    mail.smtp.decide = () => null
    await mail.endClaims()
    await mail.startWorker()
    await until(async () => (await mail.waiting()) === 0, 'the mail is sent')
    assert.equal(mail.copies(email), 1)
  })
})
