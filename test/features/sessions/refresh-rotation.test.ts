import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { systemClock } from '../../../lib/core/config/clock.js'
import { silentLogger } from '../../../lib/core/config/logger.js'
import { openDatabase } from '../../../lib/core/store/database.js'
import { Store } from '../../../lib/core/store/store.js'
import { sessionSweeps } from '../../../lib/features/sessions/sweeps.js'
import { password, startApp, type TestApp } from '../../support/app.js'
import type { Answer } from '../../support/client.js'
import { bearer, refreshNatively, sessionIdOf, signInNatively } from '../../support/native-client.js'
import { anotherBrowser, newPerson } from '../../support/people.js'
import { type ServerProcess, startProcess } from '../../support/processes.js'

interface TokenRow {
  generation: number
  used: boolean
  salted: boolean
}

function tokenRows(app: TestApp, sessionId: string): Promise<TokenRow[]> {
  return app.sql(
    `SELECT generation, used_at IS NOT NULL AS used, successor_salt IS NOT NULL AS salted
     FROM identsphere.refresh_tokens WHERE session_id = $1 ORDER BY generation`,
    [sessionId],
  )
}

async function isLive(app: TestApp, sessionId: string): Promise<boolean> {
  const [row] = await app.sql('SELECT revoked_at IS NULL AS live FROM identsphere.user_sessions WHERE id = $1', [
    sessionId,
  ])
  return row.live
}

describe('a refresh token presented in parallel to two processes', () => {
  let app: TestApp
  let processes: ServerProcess[]
  let email: string
  before(async () => {
    app = await startApp()
    email = (await newPerson(app)).email
    processes = await Promise.all([startProcess(app), startProcess(app)])
  })
  after(async () => {
    await Promise.all(processes.map((process) => process.stop()))
    await app.close()
  })

  /** @see CVE-2026-53517: parallel refreshes forked a token family */
  it('never forks: one live token remains, which every winner holds', async () => {
    for (let round = 0; round < 3; round += 1) {
      const tokens = await signInNatively(app, email)
      const answers: Answer[] = await Promise.all(
        Array.from({ length: 50 }, (_, index) => {
          const node = processes[index % 2] as ServerProcess
          return refreshNatively(node, tokens.refreshToken)
        }),
      )
      const winners = answers.filter((answer) => answer.status === 200)
      const others = answers.filter((answer) => answer.status !== 200)
      assert.ok(winners.length > 0)
      for (const answer of others) {
        assert.equal(answer.status, 503, answer.text)
        assert.ok(answer.headers['retry-after'])
      }
      const successors = new Set(winners.map((answer) => answer.body.refresh_token))
      assert.equal(successors.size, 1)
      const sessionId = sessionIdOf(tokens)
      const rows = await tokenRows(app, sessionId)
      assert.deepEqual(
        rows.map((row) => row.used),
        [true, false],
      )
      assert.equal(await isLive(app, sessionId), true)
      const [successor] = successors
      assert.equal((await refreshNatively(app, successor)).status, 200)
    }
  })

  it('leaves all tabs of a browser with the same token', async () => {
    const browser = await anotherBrowser(app, email)
    const tabs = Array.from({ length: 12 }, (_, index) =>
      (processes[index % 2] as ServerProcess).clientWithCookiesOf(browser),
    )
    const answers = await Promise.all(tabs.map((tab) => tab.post('/v1/auth/refresh')))
    assert.deepEqual(
      answers.map((answer) => answer.status),
      Array(12).fill(200),
    )
    assert.equal(new Set(tabs.map((tab) => tab.cookie('rt'))).size, 1)
    assert.notEqual(tabs[0]?.cookie('rt'), browser.cookie('rt'))
    for (const tab of tabs) assert.equal((await tab.get('/v1/auth/session')).status, 200)
  })

  it('gets the same successor at both processes, which both detect reuse', async () => {
    const [one, other] = processes as [ServerProcess, ServerProcess]
    const tokens = await signInNatively(app, email)
    const child = (await refreshNatively(one, tokens.refreshToken)).body.refresh_token
    assert.equal((await refreshNatively(other, tokens.refreshToken)).body.refresh_token, child)
    for (const node of processes) await node.advance(11)
    assert.equal((await refreshNatively(other, tokens.refreshToken)).status, 401)
    assert.equal(await isLive(app, sessionIdOf(tokens)), false)
    assert.equal((await refreshNatively(one, child)).status, 401)
  })
})

describe('a refresh token presented again', () => {
  let app: TestApp
  let email: string
  const reused: unknown[] = []
  before(async () => {
    app = await startApp({ hooks: { onRefreshReused: (facts) => void reused.push(facts) } })
    email = (await newPerson(app)).email
  })
  after(() => app.close())

  it('gets the identical unused successor within the grace period', async () => {
    const tokens = await signInNatively(app, email)
    const first = await refreshNatively(app, tokens.refreshToken)
    app.clock.advance(9)
    const again = await refreshNatively(app, tokens.refreshToken)
    assert.equal(again.status, 200, again.text)
    assert.equal(again.body.refresh_token, first.body.refresh_token)
    assert.equal((await tokenRows(app, sessionIdOf(tokens))).length, 2)
  })

  /** @see RFC 9700 section 4.14.2, ory/hydra #2022 */
  it('ends the session with all its tokens after the grace period', async () => {
    const tokens = await signInNatively(app, email)
    const sessionId = sessionIdOf(tokens)
    const winner = (await refreshNatively(app, tokens.refreshToken)).body
    app.clock.advance(11)
    reused.length = 0

    const answer = await refreshNatively(app, tokens.refreshToken)
    assert.equal(answer.status, 401)
    assert.equal(answer.body.error.code, 'authentication_required')
    assert.equal((await refreshNatively(app, winner.refresh_token)).status, 401)
    for (const accessToken of [tokens.accessToken, winner.access_token]) {
      assert.equal((await app.client().get('/v1/auth/session', bearer(accessToken))).status, 401)
    }
    assert.equal((await refreshNatively(app, tokens.refreshToken)).status, 401)

    const [session] = await app.sql('SELECT revoke_reason FROM identsphere.user_sessions WHERE id = $1', [sessionId])
    assert.equal(session.revoke_reason, 'refresh_reused')
    const audit = await app.sql(
      `SELECT status FROM identsphere.audit_logs WHERE action = 'auth.refresh.reused' AND resource_id = $1`,
      [sessionId],
    )
    assert.deepEqual(audit, [{ status: 'failure' }])
    const events = await app.sql(
      `SELECT payload FROM identsphere.webhook_events
       WHERE event = 'session.reuse_detected' AND payload->>'session_id' = $1`,
      [sessionId],
    )
    assert.equal(events.length, 1)
    assert.equal(reused.length, 1)
  })

  it('counts as reuse within the grace period if its successor was used', async () => {
    const tokens = await signInNatively(app, email)
    const child = (await refreshNatively(app, tokens.refreshToken)).body.refresh_token
    const where = 'WHERE session_id = $1 AND generation = 0'
    const [{ salt }] = await app.sql(`SELECT successor_salt AS salt FROM identsphere.refresh_tokens ${where}`, [
      sessionIdOf(tokens),
    ])
    const grandchild = (await refreshNatively(app, child)).body.refresh_token
    // Even with the salt restored.
    await app.sql(`UPDATE identsphere.refresh_tokens SET successor_salt = $2 ${where}`, [sessionIdOf(tokens), salt])
    assert.equal((await refreshNatively(app, tokens.refreshToken)).status, 401)
    assert.equal((await refreshNatively(app, grandchild)).status, 401)
    assert.equal(await isLive(app, sessionIdOf(tokens)), false)
  })

  it('leaves the other sessions of the user alone', async () => {
    const victim = await signInNatively(app, email)
    const bystander = await signInNatively(app, email)
    await refreshNatively(app, victim.refreshToken)
    app.clock.advance(11)
    assert.equal((await refreshNatively(app, victim.refreshToken)).status, 401)
    assert.equal((await app.client().get('/v1/auth/session', bearer(bystander.accessToken))).status, 200)
    assert.equal((await refreshNatively(app, bystander.refreshToken)).status, 200)
  })

  it('counts as reuse without a grace period', async () => {
    const strict = await app.node({ refreshGraceSeconds: 0 })
    const tokens = await signInNatively(strict, email)
    assert.equal((await refreshNatively(strict, tokens.refreshToken)).status, 200)
    assert.equal((await refreshNatively(strict, tokens.refreshToken)).status, 401)
    assert.equal(await isLive(app, sessionIdOf(tokens)), false)
  })

  it('gets the same answer as an unknown token', async () => {
    const tokens = await signInNatively(app, email)
    await refreshNatively(app, tokens.refreshToken)
    app.clock.advance(11)
    const reuse = await refreshNatively(app, tokens.refreshToken)
    for (const token of ['x'.repeat(43), '', 'short', `${tokens.refreshToken}=`, ` ${tokens.refreshToken}`]) {
      const unknown = await refreshNatively(app, token)
      assert.equal(unknown.status, 401)
      assert.equal(unknown.body.error.message, reuse.body.error.message)
    }
  })

  it('leaves no browser signed in', async () => {
    const browser = await anotherBrowser(app, email)
    const thief = app.client()
    for (const [name, cookie] of browser.cookies) thief.cookies.set(name, cookie)
    assert.equal((await thief.post('/v1/auth/refresh')).status, 200)
    assert.equal((await thief.post('/v1/auth/refresh')).status, 200)
    assert.equal((await browser.post('/v1/auth/refresh')).status, 401)
    assert.equal((await thief.post('/v1/auth/refresh')).status, 401)
    assert.equal((await thief.get('/v1/auth/session')).status, 401)
  })
})

describe('the stored refresh tokens', () => {
  let app: TestApp
  let email: string
  before(async () => {
    app = await startApp()
    email = (await newPerson(app)).email
  })
  after(() => app.close())

  it('are hashes; no row contains a token that a client held', async () => {
    const tokens = await signInNatively(app, email)
    const next = (await refreshNatively(app, tokens.refreshToken)).body.refresh_token
    const [dump] = await app.sql(
      `SELECT string_agg(t::text, ' ') AS text FROM identsphere.refresh_tokens t WHERE session_id = $1`,
      [sessionIdOf(tokens)],
    )
    for (const token of [tokens.refreshToken, next]) {
      assert.equal(dump.text.includes(token), false)
      assert.equal(dump.text.includes(Buffer.from(token, 'base64url').toString('hex')), false)
      assert.equal(dump.text.includes(Buffer.from(token, 'utf8').toString('hex')), false)
    }
  })

  it('lose the salt of the successor at its first use', async () => {
    const tokens = await signInNatively(app, email)
    const child = (await refreshNatively(app, tokens.refreshToken)).body.refresh_token
    assert.deepEqual(
      (await tokenRows(app, sessionIdOf(tokens))).map((row) => row.salted),
      [true, false],
    )
    await refreshNatively(app, child)
    assert.deepEqual(
      (await tokenRows(app, sessionIdOf(tokens))).map((row) => row.salted),
      [false, true, false],
    )
  })

  it('lose the salt at the end of the grace period, not before', async () => {
    const database = openDatabase(app.databaseUrl, silentLogger)
    let offset = 0
    const store = new Store(database, 'identsphere', { ...systemClock, offsetSeconds: () => offset })
    const salts = sessionSweeps(store, { refreshGraceSeconds: 10 }).find((job) => job.name === 'sweep salts')
    assert.ok(salts)
    try {
      const tokens = await signInNatively(app, email)
      const child = (await refreshNatively(app, tokens.refreshToken)).body.refresh_token
      await salts.run(AbortSignal.timeout(60_000))
      assert.equal((await tokenRows(app, sessionIdOf(tokens)))[0]?.salted, true)
      offset = 11
      await salts.run(AbortSignal.timeout(60_000))
      assert.equal((await tokenRows(app, sessionIdOf(tokens)))[0]?.salted, false)
      assert.equal((await refreshNatively(app, child)).status, 200)
    } finally {
      await database.close()
    }
  })
})

describe('a refresh', () => {
  let app: TestApp
  before(async () => {
    app = await startApp()
  })
  after(() => app.close())

  it('never extends the session', async () => {
    const { client, sessionId } = await newPerson(app)
    const end = () => app.sql('SELECT expires_at FROM identsphere.user_sessions WHERE id = $1', [sessionId])
    const [before] = await end()
    for (let day = 0; day < 29; day += 7) {
      app.clock.advance(7 * 86_400)
      const answer = await client.post('/v1/auth/refresh')
      assert.equal(answer.status, day < 28 ? 200 : 401, answer.text)
    }
    assert.deepEqual(await end(), [before])
  })

  it('is refused if the user is not active', async () => {
    for (const status of ['disabled', 'deleted', 'invited']) {
      const { client, userId } = await newPerson(app)
      await app.sql('UPDATE identsphere.users SET status = $2 WHERE id = $1', [userId, status])
      assert.equal((await client.post('/v1/auth/refresh')).status, 401, status)
      assert.equal((await client.get('/v1/auth/session')).status, 401, status)
    }
  })

  it("is refused once the user's security version has changed", async () => {
    const { client, userId } = await newPerson(app)
    await app.sql('UPDATE identsphere.users SET security_version = security_version + 1 WHERE id = $1', [userId])
    assert.equal((await client.post('/v1/auth/refresh')).status, 401)
    assert.equal((await client.get('/v1/auth/session')).status, 401)
  })

  it('accepts no access token, and a guard no refresh token', async () => {
    const { email } = await newPerson(app)
    const tokens = await signInNatively(app, email)
    assert.notEqual((await refreshNatively(app, tokens.accessToken)).status, 200)
    assert.equal((await app.client().get('/v1/auth/session', bearer(tokens.refreshToken))).status, 401)
    assert.equal((await app.client().post('/v1/auth/login', { email, password: tokens.refreshToken })).status, 401)
    assert.equal((await app.client().post('/v1/auth/login', { email, password })).status, 200)
  })
})
