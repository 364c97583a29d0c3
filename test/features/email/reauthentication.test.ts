/** Reauthentication by a mailed code. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { signIn, startApp, type TestApp } from '../../support/app.js'
import { codeIn, mailsTo, mailTo } from '../../support/mail.js'
import { newPerson } from '../../support/people.js'

const path = '/v1/auth/reauthenticate'

describe('a mailed reauthentication code', () => {
  let app: TestApp
  before(async () => {
    app = await startApp()
  })
  after(() => app?.close())

  const codeFor = async (email: string) => codeIn(await mailTo(app, email, /is your confirmation code$/))

  async function asked() {
    const person = await newPerson(app)
    assert.equal((await person.client.post(`${path}/code`)).status, 204)
    return { ...person, code: await codeFor(person.email) }
  }

  it('renews auth_time for a user without a password', async () => {
    const { client, email, userId } = await newPerson(app)
    await app.sql('UPDATE identsphere.users SET password_hash = NULL WHERE id = $1', [userId])
    app.clock.advance(700)
    await client.post('/v1/auth/refresh')
    assert.equal((await client.get('/v1/users/me/export')).body.error.code, 'reauthentication_required')
    await client.post(`${path}/code`)
    const answer = await client.post(path, { code: await codeFor(email) })
    assert.equal(answer.status, 200)
    assert.equal((await client.get('/v1/users/me/export')).status, 200)
  })

  it('works once, even for ten simultaneous requests', async () => {
    const { client, code } = await asked()
    const answers = await Promise.all(Array.from({ length: 10 }, () => client.post(path, { code })))
    assert.equal(answers.filter(({ status }) => status === 200).length, 1)
  })

  it('works only in the session that requested it', async () => {
    const { client, email, code } = await asked()
    const other = await signIn(app, email)
    assert.equal((await other.post(path, { code })).status, 401)
    assert.equal((await client.post(path, { code })).status, 200)
  })

  it('does not sign in, and a sign-in code does not reauthenticate', async () => {
    const { client, email, code } = await asked()
    const stranger = app.client()
    assert.equal((await stranger.post('/v1/auth/email-otp/verify', { email, code })).status, 401)
    await client.post('/v1/auth/email-otp/request', { email })
    const signInCode = codeIn(await mailTo(app, email, /is your sign-in code$/))
    if (signInCode !== code) assert.equal((await client.post(path, { code: signInCode })).status, 401)
    assert.equal((await client.post(path, { code })).status, 200)
  })

  it('is void after five failed attempts', async () => {
    const { client, code } = await asked()
    const wrong = code === '000000' ? '000001' : '000000'
    for (let tries = 0; tries < 5; tries += 1) assert.equal((await client.post(path, { code: wrong })).status, 401)
    assert.equal((await client.post(path, { code })).status, 401)
  })

  it('is void after ten minutes and after a password change', async () => {
    const late = await asked()
    app.clock.advance(601)
    assert.equal((await late.client.post(path, { code: late.code })).status, 401)
    const changed = await asked()
    const passwords = { current_password: 'correct-horse-battery-7', new_password: 'correct-horse-battery-8' }
    assert.equal((await changed.client.post('/v1/users/me/password', passwords)).status, 204)
    assert.equal((await changed.client.post(path, { code: changed.code })).status, 401)
  })

  it('is mailed five times an hour without revealing the limit', async () => {
    const { client, email } = await newPerson(app)
    for (let times = 0; times < 8; times += 1) assert.equal((await client.post(`${path}/code`)).status, 204)
    const mails = (await mailsTo(app, email)).filter(({ subject }) => subject.endsWith('is your confirmation code'))
    assert.ok(mails.length <= 5, `${mails.length}`)
  })

  it('requires exactly one method in the body', async () => {
    const { client, code } = await asked()
    assert.equal((await client.post(path, {})).status, 400)
    assert.equal((await client.post(path, { code, password: 'correct-horse-battery-7' })).status, 400)
  })
})
