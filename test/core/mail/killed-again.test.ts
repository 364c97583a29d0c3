/** @waits for the interval of workers */
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { type MailWorkers, startMailWorkers, until } from '../../support/mail-workers.js'

describe('a killed mail process', () => {
  let mail: MailWorkers
  before(async () => {
    mail = await startMailWorkers()
  })
  afterEach(() => mail.reset())
  after(() => mail?.close())

  it('loses no mail at repeated kills and repeats only mail in flight', async () => {
    const emails = new Set(await Promise.all(Array.from({ length: 20 }, mail.mailWaiting)))
    let confirmed = 0
    let kills = 0
    mail.smtp.decide = (to) => {
      if (emails.has(to)) confirmed += 1
      return null
    }
    while ((await mail.waiting()) > 0) {
      const worker = await mail.startWorker()
      const goal = confirmed + 1 + ((kills * 3) % 7)
      await until(async () => confirmed >= goal || (await mail.waiting()) === 0, 'some mails are sent')
      await mail.kill(worker)
      kills += 1
      await mail.endClaims()
      assert.ok(kills < 60, 'the queue does not get shorter')
    }
    const ids = new Map<string, Set<string | undefined>>()
    for (const { to: recipient, messageId } of mail.smtp.mails) {
      const to = recipient !== undefined && !Array.isArray(recipient) ? recipient.text : ''
      if (emails.has(to)) ids.set(to, (ids.get(to) ?? new Set()).add(messageId))
    }
    assert.ok(kills >= 3, `${kills} kills`)
    for (const email of emails) {
      assert.ok(mail.copies(email) >= 1, `${email} is lost`)
      assert.equal(ids.get(email)?.size, 1)
    }
    const repeated = [...emails].reduce((sum, email) => sum + mail.copies(email) - 1, 0)
    assert.ok(repeated <= kills * 4, `${repeated} repeated by ${kills} kills`)
  })
})
