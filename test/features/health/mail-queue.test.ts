/** Mail that nobody sends shows in health. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { signUp, startApp, type TestApp } from '../../support/app.js'
import { runJobs } from '../../support/mail.js'

describe('health', () => {
  let app: TestApp
  before(async () => {
    app = await startApp()
  })
  after(() => app?.close())

  const mailQueue = async () => (await app.client().get('/v1/health')).body.mail_queue

  it('says that mail is behind once it has been due for over a minute, and not before, nor when it was sent', async () => {
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
