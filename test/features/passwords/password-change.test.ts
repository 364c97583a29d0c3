import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { password, signIn, signUp, startApp, type TestApp } from '../../support/app.js'
import { newPerson } from '../../support/people.js'
import { hashingOf } from '../../support/work.js'

const next = 'four-lone-heron-wades-9'

describe('the password change', () => {
  let app: TestApp
  before(async () => {
    app = await startApp({
      routes: (host, identsphere) => {
        host.get('/recent', identsphere.requireRecentAuth(), (_request, response) => void response.json({}))
      },
    })
  })
  after(() => app.close())

  const change = (changes: object = {}) => ({ current_password: password, new_password: next, ...changes })
  const login = (email: string, secret: string) => app.client().post('/v1/auth/login', { email, password: secret })

  it('counts no attempt if the new password is rejected', async () => {
    const { client } = await newPerson(app)
    for (let attempt = 0; attempt < 12; attempt += 1) {
      const refused = await client.post('/v1/users/me/password', change({ new_password: 'password1234' }))
      assert.equal(refused.status, 400, refused.text)
      assert.equal(refused.body.error.details[0].path, 'new_password')
    }
    assert.equal((await client.post('/v1/users/me/password', change())).status, 204)
  })

  it('ends every other session by default and keeps this one', async () => {
    const { client, email, sessionId, userId } = await newPerson(app)
    const other = await signIn(app, email)
    const native = (await app.client().post('/v1/auth/login', { email, password, token_delivery: 'body' })).body
    const at = client.cookie('at')
    const answer = await client.post('/v1/users/me/password', change())
    assert.equal(answer.status, 204, answer.text)
    assert.equal(answer.text, '')

    assert.equal(client.cookie('at'), at)
    assert.equal((await client.get('/v1/auth/session')).body.session.id, sessionId)
    assert.equal((await client.post('/v1/auth/refresh')).status, 200)

    assert.equal((await other.get('/v1/auth/session')).status, 401)
    assert.equal((await other.post('/v1/auth/refresh')).status, 401)
    const authorization = `Bearer ${native.access_token}`
    assert.equal((await app.client().get('/v1/auth/session', { headers: { authorization } })).status, 401)
    const refreshed = await app.client().post('/v1/auth/refresh', { refresh_token: native.refresh_token })
    assert.equal(refreshed.status, 401)

    assert.equal((await login(email, password)).status, 401)
    await signIn(app, email, next)
    const actions = await app.sql(
      `SELECT action FROM identsphere.audit_logs WHERE actor_id = $1 ORDER BY created_at, id`,
      [userId],
    )
    assert.deepEqual(
      actions.map((row) => row.action),
      [
        'auth.register',
        'auth.login',
        'auth.login',
        'auth.login',
        'sessions.revoked',
        'sessions.revoked',
        'users.password_changed',
        'auth.login',
      ],
    )
  })

  it('keeps the other sessions on request', async () => {
    const { client, email } = await newPerson(app)
    const other = await signIn(app, email)
    const answer = await client.post('/v1/users/me/password', change({ sign_out_other_sessions: false }))
    assert.equal(answer.status, 204, answer.text)
    for (const browser of [client, other]) {
      assert.equal((await browser.get('/v1/auth/session')).status, 200)
      assert.equal((await browser.post('/v1/auth/refresh')).status, 200)
    }
    await signIn(app, email, next)
  })

  it('revives no session that had ended before', async () => {
    const { client, email } = await newPerson(app)
    const ended = await signIn(app, email)
    const kept = { at: ended.cookie('at'), rt: ended.cookie('rt') }
    await ended.post('/v1/auth/logout')
    await client.post('/v1/users/me/password', change({ sign_out_other_sessions: false }))
    const cookie = `identsphere_at=${kept.at}; identsphere_rt=${kept.rt}`
    assert.equal((await app.client({ cookie }).get('/v1/auth/session')).status, 401)
  })

  it('requires the current password; a wrong one changes and ends nothing', async () => {
    const { client, email } = await newPerson(app)
    const other = await signIn(app, email)
    const answer = await client.post('/v1/users/me/password', change({ current_password: next }))
    assert.equal(answer.status, 401)
    assert.equal(answer.body.error.code, 'invalid_credentials')
    assert.equal(answer.headers['set-cookie'], undefined)
    for (const browser of [client, other]) assert.equal((await browser.get('/v1/auth/session')).status, 200)
    await signIn(app, email)
    for (const missing of [
      { new_password: next },
      change({ current_password: '' }),
      change({ current_password: null }),
    ]) {
      assert.equal((await client.post('/v1/users/me/password', missing)).status, 400)
    }
  })

  it("applies the policy to the new password, including the owner's address", async () => {
    const { client, email } = await newPerson(app, { email: 'long-winded-address@example.com' })
    for (const refused of ['short', 'password1234', 'long-winded-address', 'x'.repeat(257), 'abcdefghijkl\u0000']) {
      const answer = await client.post('/v1/users/me/password', change({ new_password: refused }))
      assert.equal(answer.status, 400, refused)
      for (const { path } of answer.body.error.details ?? []) assert.equal(path, 'new_password')
    }
    await signIn(app, email)
  })

  it('allows a stolen session 10 guesses while the owner can still sign in', async () => {
    const { client, email } = await newPerson(app)
    const hashing = await hashingOf(async () => {
      const statuses: number[] = []
      for (let index = 0; index < 12; index += 1) {
        statuses.push((await client.post('/v1/users/me/password', change({ current_password: next }))).status)
      }
      assert.deepEqual(statuses, [...Array(10).fill(401), 429, 429])
    })
    assert.equal(hashing.length, 10)
    const reauthenticated = await client.post('/v1/auth/reauthenticate', { password })
    assert.equal(reauthenticated.status, 429, 'one budget for everything that requires the password')
    await signIn(app, email)
  })

  it('voids a login in progress with the old password', async () => {
    const { client, email } = await newPerson(app)
    const answers = await Promise.all([
      client.post('/v1/users/me/password', change()),
      ...Array.from({ length: 6 }, () => login(email, password)),
    ])
    assert.equal(answers[0]?.status, 204)
    const live = await client.get('/v1/users/me/sessions')
    assert.equal(live.body.sessions.length, 1, 'only the session that made the change')
  })

  it('lets one of several parallel changes win', async () => {
    const { client, email } = await newPerson(app)
    const others = await Promise.all([1, 2, 3].map(() => signIn(app, email)))
    const answers = await Promise.all(
      [client, ...others].map((browser, index) =>
        browser.post('/v1/users/me/password', change({ new_password: `${next}-${index}` })),
      ),
    )
    const winner = answers.findIndex(({ status }) => status === 204)
    assert.equal(answers.filter(({ status }) => status === 204).length, 1)
    for (const { status } of answers) assert.ok([204, 401, 409].includes(status), String(status))
    await signIn(app, email, `${next}-${winner}`)
  })
})

describe('reauthentication', () => {
  let app: TestApp
  before(async () => {
    app = await startApp({
      routes: (host, identsphere) => {
        host.get('/recent', identsphere.requireRecentAuth(), (_request, response) => void response.json({}))
      },
    })
  })
  after(() => app.close())

  it('makes an old session recent again, for new tokens only', async () => {
    const { client, sessionId } = await newPerson(app)
    assert.equal((await client.get('/recent')).status, 200)
    app.clock.advance(601)
    const old = await client.get('/recent')
    assert.equal(old.status, 401)
    assert.equal(old.body.error.code, 'reauthentication_required')

    const before = client.cookie('at')
    const rt = client.cookie('rt')
    const answer = await client.post('/v1/auth/reauthenticate', { password })
    assert.equal(answer.status, 200, answer.text)
    assert.equal(answer.body.access_token, undefined)
    assert.equal(client.cookie('rt'), rt, 'the refresh token stays')
    assert.equal((await client.get('/recent')).status, 200)
    assert.equal((await client.get('/v1/auth/session')).body.session.id, sessionId)

    const stolen = app.client({ cookie: `identsphere_at=${before}` })
    assert.equal((await stolen.get('/v1/auth/session')).status, 200, 'the session lives')
    assert.equal((await stolen.get('/recent')).status, 401, 'an older token gains nothing')
    app.clock.advance(601)
    assert.equal((await client.get('/recent')).status, 401)
  })

  it('does not happen by a refresh', async () => {
    const { client } = await newPerson(app)
    app.clock.advance(601)
    assert.equal((await client.post('/v1/auth/refresh')).status, 200)
    assert.equal((await client.get('/recent')).status, 401)
  })

  it('leaves the session unchanged on a wrong password or unknown purpose', async () => {
    const { client } = await newPerson(app)
    app.clock.advance(601)
    const wrong = await client.post('/v1/auth/reauthenticate', { password: next })
    assert.equal(wrong.status, 401)
    assert.equal(wrong.body.error.code, 'invalid_credentials')
    assert.equal((await client.post('/v1/auth/reauthenticate', { password, purpose: 'anything' })).status, 400)
    assert.equal((await client.get('/recent')).status, 401)
    assert.equal((await client.get('/v1/auth/session')).status, 200)
  })

  it('stores its purpose with the session and answers native clients in the body', async () => {
    const { email } = await newPerson(app)
    const { body } = await app.client().post('/v1/auth/login', { email, password, token_delivery: 'body' })
    app.clock.advance(601)
    const native = app.client({ authorization: `Bearer ${body.access_token}` })
    const answer = await native.post('/v1/auth/reauthenticate', { password, purpose: 'mfa_setup' })
    assert.equal(answer.status, 200, answer.text)
    assert.equal(answer.headers['set-cookie'], undefined)
    const [session] = await app.sql('SELECT auth_purpose FROM identsphere.user_sessions WHERE id = $1', [
      body.session.id,
    ])
    assert.equal(session.auth_purpose, 'mfa_setup')
    const fresh = app.client({ authorization: `Bearer ${answer.body.access_token}` })
    assert.equal((await fresh.get('/recent')).status, 200)
  })

  it("rejects another user's password, whatever the body names", async () => {
    const { client } = await newPerson(app)
    const other = await signUp(app, { password: next })
    for (const body of [
      { password: next },
      { password: next, email: other.email },
      { password: next, user_id: other.userId },
    ]) {
      const answer = await client.post('/v1/auth/reauthenticate', body)
      assert.ok([400, 401].includes(answer.status), answer.text)
    }
  })
})
