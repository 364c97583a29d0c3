/**
 * Processes that are killed while they send mail. No mail is lost, and mail that the server confirmed is not sent
 * again.
 *
 * @waits for the interval of workers
 */
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { type MailWorkers, startMailWorkers, until } from '../../support/mail-workers.js'
import { smtpError } from '../../support/smtp.js'

describe('a killed mail process', () => {
  let mail: MailWorkers
  before(async () => {
    mail = await startMailWorkers()
  })
  afterEach(() => mail.reset())
  after(() => mail?.close())

  it('loses nothing between the request and the sending', async () => {
    const emails = await Promise.all(Array.from({ length: 5 }, mail.mailWaiting))
    assert.equal(await mail.waiting(), 5)
    await mail.startWorker()
    await until(async () => (await mail.waiting()) === 0, 'the mails are sent')
    for (const email of emails) assert.equal(mail.copies(email), 1)
  })

  it('leaves an unconfirmed mail to the next process, which sends it once', async () => {
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

  it('frees its claimed mail after a minute', async () => {
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
