import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { password, signIn, signUp, startApp, type TestApp } from '../../support/app.js'
import { codeIn, mailsTo, mailTo, signUpAndFollowLink, tokenIn } from '../../support/mail.js'
import { newPerson } from '../../support/people.js'

const fresh = 'another-horse-battery-8'

describe('mail', () => {
  let app: TestApp
  before(async () => {
    app = await startApp()
  })
  after(() => app.close())

  const verifiedAt = async (userId: string) =>
    (await app.sql('SELECT email_verified_at AS at FROM identsphere.users WHERE id = $1', [userId]))[0].at

  describe('verification', () => {
    const subject = /^Confirm your e-mail/

    it("requires the user's session or password besides the link", async () => {
      const { client, email, userId } = await signUp(app)
      const token = tokenIn(await mailTo(app, email, subject))
      const stranger = await signUp(app)
      for (const someone of [app.client(), stranger.client]) {
        const answer = await someone.post('/v1/auth/email/verify', { token })
        assert.equal(answer.body.error.code, 'reauthentication_required')
      }
      const wrong = await app.client().post('/v1/auth/email/verify', { token, password: `${password}x` })
      assert.equal(wrong.status, 401)
      assert.equal(await verifiedAt(userId), null)
      assert.equal((await client.post('/v1/auth/email/verify', { token })).status, 200)
      assert.notEqual(await verifiedAt(userId), null)
      assert.equal((await client.post('/v1/auth/email/verify', { token })).status, 401)

      const second = await signUp(app)
      const link = tokenIn(await mailTo(app, second.email, subject))
      const proven = await app.client().post('/v1/auth/email/verify', { token: link, password })
      assert.deepEqual(proven.body, { status: 'verified' })
    })

    it('expires after a day', async () => {
      const { client, email } = await signUp(app)
      const token = tokenIn(await mailTo(app, email, subject))
      const rows = 'UPDATE identsphere.email_challenges SET expires_at = now() WHERE consumed_at IS NULL'
      await app.sql(rows)
      assert.equal((await client.post('/v1/auth/email/verify', { token })).status, 401)
    })
  })

  describe('a forgotten password', () => {
    const subject = /^Choose a new password/

    it('gets the same answer for every address, but mail only for accounts', async () => {
      const { email } = await newPerson(app)
      const [known, unknown] = await Promise.all(
        [email, 'nobody@example.com'].map((address) =>
          app.client().post('/v1/auth/password/forgot', { email: address }),
        ),
      )
      assert.deepEqual([known?.status, known?.text], [unknown?.status, unknown?.text])
      assert.equal(known?.status, 204)
      await mailTo(app, email, subject)
      assert.deepEqual(await mailsTo(app, 'nobody@example.com'), [])
    })

    it('is reset once, ends every session and notifies the owner', async () => {
      const { client, email } = await signUpAndFollowLink(app)
      await app.client().post('/v1/auth/password/forgot', { email })
      const token = tokenIn(await mailTo(app, email, subject))
      const refused = await app.client().post('/v1/auth/password/reset', { token, new_password: 'password1234' })
      assert.equal(refused.status, 400)
      const answers = await Promise.all(
        Array.from({ length: 10 }, () => app.client().post('/v1/auth/password/reset', { token, new_password: fresh })),
      )
      assert.deepEqual(answers.map(({ status }) => status).sort(), [200, ...Array(9).fill(401)])
      assert.equal((await client.get('/v1/auth/session')).status, 401)
      const old = await app.client().post('/v1/auth/login', { email, password })
      assert.equal(old.status, 401)
      await signIn(app, email, fresh)
      await mailTo(app, email, /^Your password was changed/)
    })

    it('claims an unverified account without what its creator left behind', async () => {
      const attacker = await newPerson(app, { email: 'victim-of-reset@example.com' })
      await app.client().post('/v1/auth/password/forgot', { email: attacker.email })
      const token = tokenIn(await mailTo(app, attacker.email, subject))
      const owner = app.client()
      const answer = await owner.post('/v1/auth/password/reset', { token, new_password: fresh })
      assert.equal(answer.status, 200)
      assert.equal(answer.body.user.organization_id, null)
      assert.equal(answer.body.user.email_verified, true)
      assert.equal((await attacker.client.get('/v1/auth/session')).status, 401)
    })
  })

  describe('a mailed code', () => {
    const subject = /is your sign-in code$/

    async function asked(email: string) {
      const browser = app.client()
      assert.equal((await browser.post('/v1/auth/email-otp/request', { email })).status, 204)
      return { browser, code: codeIn(await mailTo(app, email, subject)) }
    }

    it('signs in once, in the browser that requested it', async () => {
      const { email } = await newPerson(app)
      const { browser, code } = await asked(email)
      const answers = await Promise.all(
        Array.from({ length: 5 }, () => browser.post('/v1/auth/email-otp/verify', { email, code })),
      )
      assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 401, 401, 401, 401])
    })

    /** @see GHSA-qq9h */
    it("removes the password and sessions of an unverified account's creator", async () => {
      const attacker = await newPerson(app, { email: 'victim-of-code@example.com' })
      const { browser, code } = await asked(attacker.email)
      assert.equal((await browser.post('/v1/auth/email-otp/verify', { email: attacker.email, code })).status, 200)
      assert.equal((await attacker.client.get('/v1/auth/session')).status, 401)
      const login = await app.client().post('/v1/auth/login', { email: attacker.email, password })
      assert.equal(login.status, 401)
    })

    it('is void after five failed attempts, even simultaneous ones', async () => {
      const { email } = await newPerson(app)
      const { browser, code } = await asked(email)
      const wrong = code === '000000' ? '000001' : '000000'
      await Promise.all(
        Array.from({ length: 50 }, () => browser.post('/v1/auth/email-otp/verify', { email, code: wrong })),
      )
      const [row] = await app.sql(
        'SELECT max(attempts) AS attempts FROM identsphere.email_challenges WHERE kind = $1',
        ['otp'],
      )
      assert.equal(row.attempts, 5)
      assert.equal((await browser.post('/v1/auth/email-otp/verify', { email, code })).status, 401)
    })

    it('cannot be voided by strangers, who share twenty attempts a day', async () => {
      const { email } = await newPerson(app)
      const { browser, code } = await asked(email)
      const wrong = code === '000000' ? '000001' : '000000'
      for (let round = 0; round < 25; round += 1) {
        assert.equal((await app.client().post('/v1/auth/email-otp/verify', { email, code: wrong })).status, 401)
      }
      const stranger = await app.client().post('/v1/auth/email-otp/verify', { email, code })
      assert.equal(stranger.status, 401, "the strangers' budget is used up")
      await app.client().post('/v1/auth/email-otp/request', { email })
      await mailsTo(app, email)
      assert.equal((await browser.post('/v1/auth/email-otp/verify', { email, code })).status, 200)
    })

    it('gets the same answers for an unknown address', async () => {
      const browser = app.client()
      const email = 'unknown-code@example.com'
      const asking = await browser.post('/v1/auth/email-otp/request', { email })
      assert.equal(asking.status, 204)
      assert.ok(browser.cookie('flow'))
      assert.deepEqual(await mailsTo(app, email), [])
      assert.equal((await browser.post('/v1/auth/email-otp/verify', { email, code: '123456' })).status, 401)
      const [row] = await app.sql('SELECT attempts FROM identsphere.email_challenges WHERE user_id IS NULL')
      assert.equal(row.attempts, 1)
    })
  })

  describe('a mailed link', () => {
    it('signs in once, by POST only', async () => {
      const { email } = await newPerson(app)
      assert.equal((await app.client().post('/v1/auth/magic-link/request', { email })).status, 204)
      const token = tokenIn(await mailTo(app, email, /^Your sign-in link/))
      assert.equal((await app.client().get(`/v1/auth/magic-link/verify?token=${token}`)).status, 404)
      const answers = await Promise.all(
        Array.from({ length: 10 }, () => app.client().post('/v1/auth/magic-link/verify', { token })),
      )
      assert.deepEqual(answers.map(({ status }) => status).sort(), [200, ...Array(9).fill(401)])
    })

    it('is void after a password change', async () => {
      const { client, email } = await newPerson(app)
      await app.client().post('/v1/auth/magic-link/request', { email })
      const token = tokenIn(await mailTo(app, email, /^Your sign-in link/))
      const change = { current_password: password, new_password: fresh }
      assert.equal((await client.post('/v1/users/me/password', change)).status, 204)
      assert.equal((await app.client().post('/v1/auth/magic-link/verify', { token })).status, 401)
    })
  })

  describe('an address change', () => {
    it('is confirmed at the new address and can be undone from the old', async () => {
      const { client, email, userId } = await signUpAndFollowLink(app)
      const other = await signIn(app, email)
      const changed = `new-${email}`
      assert.equal((await client.post('/v1/users/me/email', { email: changed })).status, 204)
      const confirm = tokenIn(await mailTo(app, changed, /^Confirm your new/))
      assert.equal((await client.post('/v1/auth/email/confirm', { token: confirm })).status, 204)
      const session = await client.get('/v1/auth/session')
      assert.equal(session.body.user.email, changed)
      assert.equal((await other.get('/v1/auth/session')).status, 401)

      const undo = tokenIn(await mailTo(app, email, /address of your account was changed/))
      assert.equal((await app.client().post('/v1/auth/email/undo', { token: undo })).status, 204)
      assert.equal((await client.get('/v1/auth/session')).status, 401)
      assert.equal((await app.client().post('/v1/auth/login', { email, password })).status, 401)
      const reset = tokenIn(await mailTo(app, email, /^Choose a new password/))
      assert.equal(
        (await app.client().post('/v1/auth/password/reset', { token: reset, new_password: fresh })).status,
        200,
      )
      const [row] = await app.sql('SELECT email FROM identsphere.users WHERE id = $1', [userId])
      assert.equal(row.email, email)
    })

    it('to a taken address gets the same answer and sends no mail', async () => {
      const { client } = await newPerson(app)
      const taken = await newPerson(app)
      await mailsTo(app, taken.email)
      const before = (await mailsTo(app, taken.email)).length
      assert.equal((await client.post('/v1/users/me/email', { email: taken.email })).status, 204)
      assert.equal((await mailsTo(app, taken.email)).length, before)
    })
  })

  it('goes to an address five times an hour, without revealing the limit', async () => {
    const { email } = await newPerson(app)
    for (let round = 0; round < 8; round += 1) {
      assert.equal((await app.client().post('/v1/auth/magic-link/request', { email })).status, 204)
    }
    assert.equal((await mailsTo(app, email)).length, 5)
  })

  it('stays sealed in the outbox and is wiped once sent', async () => {
    const { email } = await signUp(app)
    await app.client().post('/v1/auth/magic-link/request', { email })
    const rows = await app.sql('SELECT * FROM identsphere.mail_outbox WHERE sent_at IS NULL')
    assert.ok(rows.length >= 2)
    for (const row of rows) {
      const text = `${JSON.stringify(row)} ${row.sealed_parameters.toString('latin1')}`
      assert.ok(!text.includes(email) && !text.includes('example.com'))
    }
    await mailTo(app, email, /^Your sign-in link/)
    const [left] = await app.sql(
      `SELECT count(*)::int AS count FROM identsphere.mail_outbox WHERE sealed_parameters IS NOT NULL AND sent_at IS NOT NULL`,
    )
    assert.equal(left.count, 0)
  })
})

describe("registration with verification: 'first'", () => {
  let app: TestApp
  before(async () => {
    app = await startApp({ registration: { verification: 'first' } })
  })
  after(() => app.close())

  const body = (email: string) => ({ email, password, organization_name: 'Example Works' })

  it('answers 202 for every address, but needs link and password for an account', async () => {
    const email = 'first@example.com'
    const answer = await app.client().post('/v1/auth/register', body(email))
    assert.equal(answer.status, 202, answer.text)
    assert.equal(answer.headers['set-cookie'], undefined)
    assert.deepEqual(await app.sql('SELECT id FROM identsphere.users'), [])
    const token = tokenIn(await mailTo(app, email, /^Confirm your/))
    const without = await app.client().post('/v1/auth/email/verify', { token })
    assert.equal(without.body.error.code, 'reauthentication_required')
    const wrong = await app.client().post('/v1/auth/email/verify', { token, password: `${password}x` })
    assert.equal(wrong.body.error.code, 'invalid_credentials')
    const browser = app.client()
    const made = await browser.post('/v1/auth/email/verify', { token, password })
    assert.equal(made.body.status, 'success', made.text)
    assert.equal(made.body.user.email_verified, true)
    assert.equal((await browser.get('/v1/auth/session')).status, 200)

    const again = await app.client().post('/v1/auth/register', body(email))
    assert.deepEqual([again.status, again.text], [answer.status, answer.text])
    await mailTo(app, email, /^You already have an account/)
  })
})
