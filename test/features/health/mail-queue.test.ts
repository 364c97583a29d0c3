/** Health reports mail that is due but not sent. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { signUp, startApp, type TestApp } from '../../support/app.js'
import { runJobs } from '../../support/mail.js'

describe('the health report', () => {
  let app: TestApp
  before(async () => {
    app = await startApp()
  })
  after(() => app?.close())

  const mailQueue = async () => (await app.client().get('/v1/health')).body.mail_queue

  it('says "behind" while mail is more than a minute overdue', async () => {
    assert.equal(await mailQueue(), 'ok')
    await signUp(app)
    app.clock.advance(59)
    assert.equal(await mailQueue(), 'ok')
    app.clock.advance(2)
    assert.equal(await mailQueue(), 'behind')
    assert.equal((await app.identsphere.health()).status, 'ok')
    await runJobs(app)
    assert.equal(await mailQueue(), 'ok')
  })
})
