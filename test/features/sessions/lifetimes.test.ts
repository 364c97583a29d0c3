import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { systemClock } from '../../../lib/core/config/clock.js'
import { ConfigurationError } from '../../../lib/core/config/configuration-error.js'
import type { IdentSphereOptions } from '../../../lib/features.js'
import { buildIdentSphere } from '../../../lib/identsphere.js'
import { password, signUp, startApp, type TestApp } from '../../support/app.js'
import type { Client } from '../../support/client.js'
import { bearer, claimsOf, refreshNatively, signInNatively } from '../../support/native-client.js'
import { anotherBrowser, newPerson } from '../../support/people.js'
import { setCookies } from '../../support/set-cookie.js'

const day = 86_400

function at(node: TestApp, browser: Client): Client {
  const client = node.client()
  for (const [name, cookie] of browser.cookies) client.cookies.set(name, cookie)
  return client
}

describe('the lifetime of a session', () => {
  let app: TestApp
  before(async () => {
    app = await startApp({ issuer: 'http://id.test' })
  })
  after(() => app.close())

  it('ends 30 days after the sign-in, used or not', async () => {
    const { email } = await newPerson(app)
    const tokens = await signInNatively(app, email)
    app.clock.advance(30 * day - 60)
    const refreshed = await refreshNatively(app, tokens.refreshToken)
    assert.equal(refreshed.status, 200)
    const { access_token, refresh_token, expires_in } = refreshed.body
    assert.ok(expires_in <= 60, `an access token must not outlive its session: ${expires_in}`)
    assert.equal(claimsOf(access_token).exp - claimsOf(access_token).iat, expires_in)
    assert.equal((await app.client().get('/v1/auth/session', bearer(access_token))).status, 200)
    app.clock.advance(61)
    assert.equal((await app.client().get('/v1/auth/session', bearer(access_token))).status, 401)
    assert.equal((await refreshNatively(app, refresh_token)).status, 401)
  })

  it('is decided by the database, whatever the access token says', async () => {
    const { client, sessionId } = await newPerson(app)
    await app.sql(`UPDATE identsphere.user_sessions SET expires_at = now() + $2 * interval '1 second' WHERE id = $1`, [
      sessionId,
      app.clock.offsetSeconds() - 1,
    ])
    assert.equal((await client.get('/v1/auth/session')).status, 401)
    assert.equal((await client.post('/v1/auth/refresh')).status, 401)
  })

  it('continues by a refresh after the access token expires at 15 minutes', async () => {
    const { client } = await newPerson(app)
    app.clock.advance(890)
    assert.equal((await client.get('/v1/auth/session')).status, 200)
    app.clock.advance(11)
    assert.equal((await client.get('/v1/auth/session')).status, 401)
    assert.equal((await client.post('/v1/auth/refresh')).status, 200)
    assert.equal((await client.get('/v1/auth/session')).status, 200)
  })

  /** @see CVE-2025-11429 */
  it('shrinks with a setting that was lowered later', async () => {
    const { client, email } = await newPerson(app)
    const tokens = await signInNatively(app, email)
    const lowered = await app.node({ refreshTokenSeconds: 3600 })
    const browser = at(lowered, client)

    const refreshed = await browser.post('/v1/auth/refresh')
    assert.equal(refreshed.status, 200)
    for (const cookie of setCookies(refreshed)) {
      assert.ok(Number(cookie.attributes['max-age']) <= 3600, cookie.line)
    }
    const described = await browser.get('/v1/auth/session')
    const { created_at, expires_at } = described.body.session
    assert.equal(Date.parse(expires_at) - Date.parse(created_at), 3600_000)
    const [listed] = (await browser.get('/v1/users/me/sessions')).body.sessions
    assert.equal(Date.parse(listed.expires_at) - Date.parse(listed.created_at), 3600_000)

    app.clock.advance(3000)
    assert.equal((await browser.post('/v1/auth/refresh')).status, 200)
    const native = (await refreshNatively(app, tokens.refreshToken)).body
    app.clock.advance(601)
    assert.equal((await browser.get('/v1/auth/session')).status, 401)
    assert.equal((await browser.post('/v1/auth/refresh')).status, 401)
    // Issued under the old setting, this access token has not expired yet.
    assert.equal((await app.client().get('/v1/auth/session', bearer(native.access_token))).status, 200)
    assert.equal((await lowered.client().get('/v1/auth/session', bearer(native.access_token))).status, 401)
    assert.equal((await refreshNatively(lowered, native.refresh_token)).status, 401)
    const elsewhere = await anotherBrowser(lowered, email)
    assert.equal((await elsewhere.get('/v1/users/me/sessions')).body.sessions.length, 1)
  })

  it('does not grow with a setting that was raised later', async () => {
    const short = await app.node({ refreshTokenSeconds: 3600 })
    const { client } = await signUp(short)
    app.clock.advance(3601)
    const browser = at(app, client)
    assert.equal((await browser.post('/v1/auth/refresh')).status, 401)
  })

  it('has limits that are checked at start', () => {
    const build = (options: IdentSphereOptions) =>
      buildIdentSphere(
        { database: app.databaseUrl, publicBaseUrl: app.url, ...options },
        { environment: app.environment, clock: systemClock },
      )
    const names = (setting: string) => (error: unknown) =>
      error instanceof ConfigurationError && error.setting === setting
    assert.throws(() => build({ refreshTokenSeconds: 400 * day + 1 }), names('refreshTokenSeconds'))
    assert.throws(() => build({ sessionIdleSeconds: 299 }), names('sessionIdleSeconds'))
    assert.throws(() => build({ refreshGraceSeconds: 61 }), names('refreshGraceSeconds'))
    assert.throws(() => build({ accessTokenSeconds: 0 }), names('accessTokenSeconds'))
  })
})

describe('an idle timeout', () => {
  let app: TestApp
  before(async () => {
    app = await startApp({ sessionIdleSeconds: 600 })
  })
  after(() => app.close())

  it('ends an unused session for access and refresh tokens', async () => {
    const { email } = await newPerson(app)
    const tokens = await signInNatively(app, email)
    app.clock.advance(601)
    assert.equal((await app.client().get('/v1/auth/session', bearer(tokens.accessToken))).status, 401)
    assert.equal((await refreshNatively(app, tokens.refreshToken)).status, 401)
  })

  it('restarts with every refresh', async () => {
    const { client } = await newPerson(app)
    for (let use = 0; use < 4; use += 1) {
      app.clock.advance(590)
      assert.equal((await client.post('/v1/auth/refresh')).status, 200)
    }
    assert.equal((await client.get('/v1/auth/session')).status, 200)
  })

  it('removes a session from the list', async () => {
    const { email } = await newPerson(app)
    app.clock.advance(601)
    const browser = await anotherBrowser(app, email)
    const { sessions } = (await browser.get('/v1/users/me/sessions')).body
    assert.deepEqual(
      sessions.map((one: { current: boolean }) => one.current),
      [true],
    )
  })

  it('is off by default', async () => {
    const patient = await startApp()
    try {
      const { client } = await signUp(patient)
      patient.clock.advance(20 * day)
      assert.equal((await client.post('/v1/auth/refresh')).status, 200)
    } finally {
      await patient.close()
    }
  })
})

describe('the sessions of a user', () => {
  it('are limited to a hundred; another one ends the oldest', async () => {
    const app = await startApp()
    try {
      const { client, email, userId, sessionId } = await newPerson(app)
      await app.sql(
        `INSERT INTO identsphere.user_sessions (id, user_id, auth_method, amr, auth_time, security_version, created_at,
           last_seen_at, expires_at)
         SELECT gen_random_uuid(), $1, 'password', ARRAY['pwd'], now(), 1, now() + n * interval '1 second', now(),
           now() + interval '1 day'
         FROM generate_series(1, 99) AS n`,
        [userId],
      )
      assert.equal((await client.get('/v1/auth/session')).status, 200)
      app.clock.advance(200)
      const newest = app.client()
      assert.equal((await newest.post('/v1/auth/login', { email, password })).status, 200)
      assert.equal((await client.get('/v1/auth/session')).status, 401)
      assert.equal((await newest.get('/v1/users/me/sessions')).body.sessions.length, 100)
      const [row] = await app.sql('SELECT revoke_reason FROM identsphere.user_sessions WHERE id = $1', [sessionId])
      assert.equal(row.revoke_reason, 'too_many_sessions')
    } finally {
      await app.close()
    }
  })
})
