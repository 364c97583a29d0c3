import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { password, signIn, startApp, type TestApp } from '../../support/app.js'
import type { Answer, Client } from '../../support/client.js'
import { bearer, type NativeTokens, refreshNatively, sessionIdOf, signInNatively } from '../../support/native-client.js'
import { anotherBrowser, newPerson } from '../../support/people.js'
import { type ServerProcess, startProcess } from '../../support/processes.js'

const newPassword = 'another-horse-battery-8'

async function changePassword(client: Client, keepOthers = false): Promise<Answer> {
  return client.post('/v1/users/me/password', {
    current_password: password,
    new_password: newPassword,
    ...(keepOthers ? { sign_out_other_sessions: false } : {}),
  })
}

describe('a session that ends during a refresh', () => {
  let app: TestApp
  let one: ServerProcess
  let other: ServerProcess
  let email: string
  let owner: Client
  before(async () => {
    app = await startApp()
    ;({ email, client: owner } = await newPerson(app))
    ;[one, other] = await Promise.all([startProcess(app), startProcess(app)])
  })
  after(async () => {
    await Promise.all([one.stop(), other.stop()])
    await app.close()
  })

  /** Asserts that every token held after the race is invalid. */
  async function assertDead(tokens: NativeTokens, refreshed: Answer): Promise<void> {
    const held = [tokens.refreshToken]
    const access = [tokens.accessToken]
    if (refreshed.status === 200) {
      held.push(refreshed.body.refresh_token)
      access.push(refreshed.body.access_token)
    } else assert.equal(refreshed.status, 401, refreshed.text)
    for (const node of [one, other]) {
      for (const token of access) assert.equal((await node.client().get('/guarded', bearer(token))).status, 401)
      for (const token of held) assert.equal((await refreshNatively(node, token)).status, 401)
    }
    const [{ live }] = await app.sql(
      'SELECT count(*)::int AS live FROM identsphere.user_sessions WHERE id = $1 AND revoked_at IS NULL',
      [sessionIdOf(tokens)],
    )
    assert.equal(live, 0)
  }

  async function race(tokens: NativeTokens, round: number, end: () => Promise<Answer>): Promise<void> {
    const refresh = () => refreshNatively(one, tokens.refreshToken)
    const [refreshed, ended] =
      round % 2 === 0
        ? await Promise.all([refresh(), end()])
        : await Promise.all([end(), refresh()]).then(([first, second]) => [second, first] as const)
    assert.equal(ended.status, 204, ended.text)
    await assertDead(tokens, refreshed)
  }

  /** @see supabase/auth #2624 */
  it('is dead after a logout, in either order', async () => {
    for (let round = 0; round < 20; round += 1) {
      const tokens = await signInNatively(app, email)
      await race(tokens, round, () =>
        other.client().post('/v1/auth/logout', round % 4 < 2 ? { refresh_token: tokens.refreshToken } : {}, {
          ...(round % 4 < 2 ? {} : bearer(tokens.accessToken)),
        }),
      )
    }
  })

  it('is dead after a revocation by another browser, in either order', async () => {
    const browser = other.clientWithCookiesOf(owner)
    for (let round = 0; round < 20; round += 1) {
      const tokens = await signInNatively(app, email)
      const path = round % 4 < 2 ? `/v1/users/me/sessions/${sessionIdOf(tokens)}` : '/v1/users/me/sessions'
      await race(tokens, round, () => browser.delete(path))
    }
    assert.equal((await browser.get('/v1/auth/session')).status, 200)
  })
})

describe('a session ended at one process', () => {
  let app: TestApp
  let here: ServerProcess
  let there: ServerProcess
  before(async () => {
    app = await startApp()
    ;[here, there] = await Promise.all([startProcess(app), startProcess(app)])
  })
  after(async () => {
    await Promise.all([here.stop(), there.stop()])
    await app.close()
  })

  const ends: Record<string, (browser: Client, owner: Client, userId: string, id: string) => Promise<unknown>> = {
    logout: (browser) => browser.post('/v1/auth/logout'),
    'revocation by itself': (browser, _owner, _userId, id) => browser.delete(`/v1/users/me/sessions/${id}`),
    'revocation by the owner': (_browser, owner, _userId, id) => owner.delete(`/v1/users/me/sessions/${id}`),
    'revocation with all others': (_browser, owner) => owner.delete('/v1/users/me/sessions'),
    'password change': (_browser, owner) => changePassword(owner),
    'disabled user': (_browser, _owner, userId) =>
      app.sql(`UPDATE identsphere.users SET status = 'disabled' WHERE id = $1`, [userId]),
    'deleted user': (_browser, _owner, userId) => app.sql('DELETE FROM identsphere.users WHERE id = $1', [userId]),
    'deleted row': (_browser, _owner, _userId, id) =>
      app.sql('DELETE FROM identsphere.user_sessions WHERE id = $1', [id]),
  }

  /** @see better-auth #9967, #9991, #8708 */
  for (const [how, end] of Object.entries(ends)) {
    it(`is refused by the next request at another process (${how})`, async () => {
      const { client, email, userId } = await newPerson(app)
      const owner = here.clientWithCookiesOf(client)
      const browser = here.clientWithCookiesOf(await anotherBrowser(app, email))
      const elsewhere = there.clientWithCookiesOf(browser)
      const warm = await elsewhere.get('/v1/auth/session')
      assert.equal(warm.status, 200)
      assert.equal((await elsewhere.get('/guarded')).status, 200)

      await end(browser, owner, userId, warm.body.session.id)
      assert.equal((await elsewhere.get('/guarded')).status, 401)
      assert.equal((await elsewhere.post('/guarded')).status, 401)
      assert.equal((await elsewhere.post('/v1/auth/refresh')).status, 401)
    })
  }
})

describe('a revoked session', () => {
  let app: TestApp
  before(async () => {
    app = await startApp({
      routes(host, { requireAuth, requireRole, requireRecentAuth, requireRecentMfa, optionalAuth, authOrNull }) {
        host.all('/auth', requireAuth(), (_request, response) => void response.json({}))
        host.all('/role', requireRole('owner'), (_request, response) => void response.json({}))
        host.all('/recent', requireRecentAuth(), (_request, response) => void response.json({}))
        host.all('/mfa', requireRecentMfa(), (_request, response) => void response.json({}))
        host.get('/anyone', optionalAuth(), (request, response) => {
          response.json({ signed_in: authOrNull(request) !== null })
        })
      },
    })
  })
  after(() => app.close())

  /** @see better-auth #6893 */
  it('opens no route and changes nothing', async () => {
    const { client, email, userId } = await newPerson(app)
    const owner = await anotherBrowser(app, email)
    const [session] = (await owner.get('/v1/users/me/sessions')).body.sessions.filter(
      (one: { current: boolean }) => !one.current,
    )
    await app.sql('UPDATE identsphere.user_sessions SET mfa_verified_at = now() WHERE id = $1', [session.id])
    for (const path of ['/auth', '/role', '/recent', '/mfa']) assert.equal((await client.get(path)).status, 200, path)
    const state = () =>
      app.sql(
        `SELECT u.*, (SELECT count(*)::int FROM identsphere.audit_logs) AS rows FROM identsphere.users u WHERE u.id = $1`,
        [userId],
      )
    assert.equal((await owner.delete(`/v1/users/me/sessions/${session.id}`)).status, 204)
    const before = await state()
    const requests: Array<[string, string, unknown?]> = [
      ['GET', '/v1/auth/session'],
      ['GET', '/v1/users/me'],
      ['PATCH', '/v1/users/me', { display_name: 'Mallory' }],
      ['GET', '/v1/users/me/sessions'],
      ['DELETE', '/v1/users/me/sessions'],
      ['DELETE', `/v1/users/me/sessions/${session.id}`],
      ['POST', '/v1/users/me/password', { current_password: password, new_password: newPassword }],
      ['POST', '/v1/auth/reauthenticate', { password }],
      ['POST', '/v1/auth/refresh'],
      ...['/auth', '/role', '/recent', '/mfa'].flatMap(
        (path): Array<[string, string]> => [
          ['GET', path],
          ['POST', path],
        ],
      ),
    ]
    for (const [method, path, body] of requests) {
      const answer = await client.send(method, path, { body })
      assert.equal(answer.status, 401, `${method} ${path}: ${answer.text}`)
      assert.equal(answer.body.error.code, 'authentication_required')
    }
    assert.deepEqual((await client.get('/anyone')).body, { signed_in: false })
    assert.deepEqual(await state(), before)
    assert.equal((await owner.get('/v1/auth/session')).status, 200)
  })

  it('is no longer listed, and its end is recorded once', async () => {
    const { client, email, sessionId } = await newPerson(app)
    const owner = await anotherBrowser(app, email)
    assert.equal((await owner.delete(`/v1/users/me/sessions/${sessionId}`)).status, 204)
    assert.equal((await owner.delete(`/v1/users/me/sessions/${sessionId}`)).status, 404)
    const list = (await owner.get('/v1/users/me/sessions')).body.sessions
    assert.deepEqual(
      list.map((one: { current: boolean }) => one.current),
      [true],
    )
    assert.equal((await client.post('/v1/auth/logout')).status, 204)
    const rows = await app.sql('SELECT action FROM identsphere.audit_logs WHERE resource_id = $1 ORDER BY created_at', [
      sessionId,
    ])
    assert.deepEqual(
      rows.map((row) => row.action),
      ['auth.login', 'sessions.revoked'],
    )
    const events = await app.sql(
      `SELECT 1 FROM identsphere.webhook_events WHERE event = 'session.revoked' AND payload->>'session_id' = $1`,
      [sessionId],
    )
    assert.equal(events.length, 1)
  })

  /** @see CVE-2024-39683 */
  it("must be the caller's own; others answer 404 like unknown ones", async () => {
    const mine = await newPerson(app)
    const theirs = await newPerson(app)
    for (const id of [theirs.sessionId, '019a0000-0000-7000-8000-000000000000']) {
      const answer = await mine.client.delete(`/v1/users/me/sessions/${id}`)
      assert.equal(answer.status, 404)
      assert.equal(answer.body.error.code, 'not_found')
    }
    assert.equal((await mine.client.delete('/v1/users/me/sessions/not-a-uuid')).status, 400)
    assert.equal((await mine.client.delete('/v1/users/me/sessions')).status, 204)
    assert.equal((await theirs.client.get('/v1/auth/session')).status, 200)
  })
})

describe('the logout', () => {
  let app: TestApp
  before(async () => {
    app = await startApp()
  })
  after(() => app.close())

  it('ends the session by a refresh token that was rotated long ago', async () => {
    const { email } = await newPerson(app)
    const tokens = await signInNatively(app, email)
    const { access_token } = (await refreshNatively(app, tokens.refreshToken)).body
    app.clock.advance(60)
    const answer = await app.client().post('/v1/auth/logout', { refresh_token: tokens.refreshToken })
    assert.equal(answer.status, 204)
    assert.equal((await app.client().get('/v1/auth/session', bearer(access_token))).status, 401)
  })

  it('works by the refresh cookie if the access token has expired', async () => {
    const { client, sessionId } = await newPerson(app)
    app.clock.advance(3600)
    assert.equal((await client.get('/v1/auth/session')).status, 401)
    assert.equal((await client.post('/v1/auth/logout')).status, 204)
    const [row] = await app.sql('SELECT revoke_reason FROM identsphere.user_sessions WHERE id = $1', [sessionId])
    assert.equal(row.revoke_reason, 'signed_out')
  })

  it('works with an expired bearer token, and beside a foreign one', async () => {
    const { client, email } = await newPerson(app)
    const body = { email, password, token_delivery: 'body' }
    const native = (await app.client().post('/v1/auth/login', body)).body
    app.clock.advance(901)
    const authorization = `Bearer ${native.access_token}`
    assert.equal((await app.client().post('/v1/auth/logout', {}, { headers: { authorization } })).status, 204)
    const { refresh_token } = native
    assert.equal((await app.client().post('/v1/auth/refresh', { refresh_token })).status, 401)

    const token = client.cookie('rt')
    const foreign = { authorization: 'Bearer of.another.product' }
    assert.equal((await client.post('/v1/auth/logout', {}, { headers: foreign })).status, 204)
    assert.equal((await app.client().post('/v1/auth/refresh', { refresh_token: token })).status, 401)
  })

  it('is idempotent and succeeds without credentials', async () => {
    const { client } = await newPerson(app)
    const copy = app.client()
    for (const [name, cookie] of client.cookies) copy.cookies.set(name, cookie)
    for (const browser of [client, copy, client, app.client()]) {
      assert.equal((await browser.post('/v1/auth/logout')).status, 204)
    }
  })

  it('records the organization, whichever token named the session', async () => {
    const { email, organizationId } = await newPerson(app)
    for (const by of ['access', 'refresh']) {
      const tokens = await signInNatively(app, email)
      const answer =
        by === 'access'
          ? await app.client().post('/v1/auth/logout', {}, bearer(tokens.accessToken))
          : await app.client().post('/v1/auth/logout', { refresh_token: tokens.refreshToken })
      assert.equal(answer.status, 204)
      const rows = await app.sql(
        `SELECT organization_id FROM identsphere.audit_logs WHERE action = 'auth.logout' AND resource_id = $1`,
        [sessionIdOf(tokens)],
      )
      assert.deepEqual(rows, [{ organization_id: organizationId }])
    }
  })
})

describe('a password change', () => {
  let app: TestApp
  let duringSignIn: ((userId: string) => Promise<unknown>) | undefined
  before(async () => {
    app = await startApp({
      hooks: {
        async beforeSignIn(_tx, { userId }) {
          await duringSignIn?.(userId)
        },
      },
    })
  })
  after(() => app.close())

  /** @see supabase/auth #1489 */
  it('ends every other session and keeps its own', async () => {
    const { client, email } = await newPerson(app)
    const browser = await anotherBrowser(app, email)
    const tokens = await signInNatively(app, email)
    assert.equal((await changePassword(client)).status, 204)
    assert.equal((await browser.get('/v1/auth/session')).status, 401)
    assert.equal((await browser.post('/v1/auth/refresh')).status, 401)
    assert.equal((await app.client().get('/v1/auth/session', bearer(tokens.accessToken))).status, 401)
    assert.equal((await refreshNatively(app, tokens.refreshToken)).status, 401)
    assert.equal((await client.get('/v1/auth/session')).status, 200)
    assert.equal((await client.post('/v1/auth/refresh')).status, 200)
    assert.equal((await app.client().post('/v1/auth/login', { email, password })).status, 401)
    await signIn(app, email, newPassword)
  })

  it('keeps the other sessions on request', async () => {
    const { client, email } = await newPerson(app)
    const browser = await anotherBrowser(app, email)
    assert.equal((await changePassword(client, true)).status, 204)
    assert.equal((await browser.get('/v1/auth/session')).status, 200)
    assert.equal((await browser.post('/v1/auth/refresh')).status, 200)
  })

  it('revives no session that had already ended', async () => {
    const { client, email } = await newPerson(app)
    const browser = await anotherBrowser(app, email)
    const copy = app.client()
    for (const [name, cookie] of browser.cookies) copy.cookies.set(name, cookie)
    await browser.post('/v1/auth/logout')
    assert.equal((await changePassword(client, true)).status, 204)
    assert.equal((await copy.get('/v1/auth/session')).status, 401)
    assert.equal((await copy.post('/v1/auth/refresh')).status, 401)
  })

  it('changes and ends nothing with a wrong current password', async () => {
    const { client, email, userId } = await newPerson(app)
    const browser = await anotherBrowser(app, email)
    const state = () => app.sql('SELECT * FROM identsphere.users WHERE id = $1', [userId])
    const before = await state()
    const answer = await client.post('/v1/users/me/password', {
      current_password: 'wrong-horse-battery-7',
      new_password: newPassword,
    })
    assert.equal(answer.status, 401)
    assert.equal(answer.body.error.code, 'invalid_credentials')
    assert.deepEqual(await state(), before)
    assert.equal((await browser.get('/v1/auth/session')).status, 200)
  })

  it('voids a sign-in that has read the old password', async () => {
    const { client, email, userId } = await newPerson(app)
    duringSignIn = async (id) => {
      if (id !== userId) return
      duringSignIn = undefined
      // The effect of a credential change, committed between the password check and the creation of the session.
      await app.sql('UPDATE identsphere.users SET security_version = security_version + 1 WHERE id = $1', [userId])
    }
    const late = await app.client().post('/v1/auth/login', { email, password })
    assert.equal(late.status, 401, late.text)
    assert.equal(late.body.error.code, 'invalid_credentials')
    assert.equal(late.headers['set-cookie'], undefined)
    assert.equal((await client.get('/v1/auth/session')).status, 401)
    const rows = await app.sql('SELECT 1 FROM identsphere.user_sessions WHERE user_id = $1', [userId])
    assert.equal(rows.length, 1)
  })

  it('succeeds once if made twice simultaneously', async () => {
    const { client, email } = await newPerson(app)
    const passwords = ['first-new-horse-battery', 'second-new-horse-battery']
    const answers = await Promise.all(
      passwords.map((new_password) =>
        client.post('/v1/users/me/password', { current_password: password, new_password }),
      ),
    )
    const statuses = answers.map((answer) => answer.status)
    assert.equal(statuses.filter((status) => status === 204).length, 1, String(statuses))
    assert.ok(statuses.some((status) => status === 409 || status === 401))
    await signIn(app, email, passwords[statuses.indexOf(204)])
  })
})

describe('a deleted user row', () => {
  /** @see better-auth #10520, supabase/auth #2564 */
  it('leaves no session, token, membership or admin right, but keeps the audit log', async () => {
    const app = await startApp()
    try {
      const { client, email, userId } = await newPerson(app)
      const tokens = await signInNatively(app, email)
      await app.sql('INSERT INTO identsphere.platform_admins (user_id, created_at) VALUES ($1, now())', [userId])
      const audited = async () => (await app.sql('SELECT count(*)::int FROM identsphere.audit_logs'))[0].count
      const before = await audited()
      await app.sql('DELETE FROM identsphere.users WHERE id = $1', [userId])

      for (const table of ['user_sessions', 'refresh_tokens', 'organization_memberships', 'platform_admins']) {
        const rows = await app.sql(`SELECT 1 FROM identsphere.${table}`)
        assert.equal(rows.length, 0, table)
      }
      assert.equal(await audited(), before)
      assert.equal((await client.get('/v1/auth/session')).status, 401)
      assert.equal((await client.post('/v1/auth/refresh')).status, 401)
      assert.equal((await app.client().get('/v1/auth/session', bearer(tokens.accessToken))).status, 401)
      assert.equal((await refreshNatively(app, tokens.refreshToken)).status, 401)
      assert.equal((await app.client().post('/v1/auth/login', { email, password })).status, 401)
    } finally {
      await app.close()
    }
  })
})
