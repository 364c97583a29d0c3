import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Knex } from 'knex'
import { silentLogger } from '../../../lib/core/config/logger.js'
import type { Database } from '../../../lib/core/store/database.js'
import { ReservedConnections } from '../../../lib/core/store/reserved-connections.js'
import { createStatementNames } from '../../../lib/core/store/statement-names.js'
import { createSessionCheck } from '../../../lib/features/sessions/check.js'
import { startApp, type TestApp } from '../../support/app.js'
import type { Answer } from '../../support/client.js'
import { testClock } from '../../support/clock.js'
import { newPerson, type Person } from '../../support/people.js'
import { adminQuery } from '../../support/postgres.js'

it('rejects every lookup if the pool grants no connection, and excess lookups at once', async () => {
  const never = { client: { acquireConnection: () => new Promise(() => {}) } } as unknown as Knex
  const check = createSessionCheck({
    database: { reserved: new ReservedConnections(never, createStatementNames(silentLogger)) } as unknown as Database,
    clock: testClock(),
    schema: 'identsphere',
    settings: { refreshTokenSeconds: 60, sessionIdleSeconds: null },
  })
  const settled: number[] = []
  const looked = Array.from({ length: 10_001 }, (_, index) =>
    check.read(crypto.randomUUID()).finally(() => settled.push(index)),
  )
  const outcomes = await Promise.allSettled(looked)
  assert.equal(settled[0], 10_000, 'the lookup above the limit does not wait')
  for (const outcome of outcomes) {
    assert.equal(outcome.status, 'rejected')
    assert.equal((outcome.reason as { code?: string }).code, 'service_unavailable')
  }
})

const idleSeconds = 3_600

/** A node and another one, with a route that tells what the guard found. */
async function startTwo(): Promise<[TestApp, TestApp]> {
  const app = await startApp({
    sessionIdleSeconds: idleSeconds,
    routes: (host, identsphere) => {
      host.get('/who', identsphere.requireAuth(), (request, response) => {
        response.json(identsphere.auth(request))
      })
    },
  })
  return [app, await app.node({ publicBaseUrl: app.url })]
}

/** What a change makes of the next answer: an error, or other values of `auth`. */
type Expected = { code: string } | ((auth: Record<string, unknown>, before: Record<string, unknown>) => void)

interface Change {
  sql: string
  /** Whose id `$1` is. Default: the session's. */
  of?: 'userId' | 'organizationId'
  expected: Expected
}

const gone = { code: 'authentication_required' }
const session = (set: string, expected: Expected): Change => ({
  sql: `UPDATE identsphere.user_sessions SET ${set} WHERE id = $1`,
  expected,
})
const user = (set: string, expected: Expected): Change => ({
  sql: `UPDATE identsphere.users SET ${set} WHERE id = $1`,
  of: 'userId',
  expected,
})
const organization = (set: string, expected: Expected): Change => ({
  sql: `UPDATE identsphere.organizations SET ${set} WHERE id = $1`,
  of: 'organizationId',
  expected,
})
const becomes = (values: Record<string, unknown>) => (auth: Record<string, unknown>) => {
  for (const [name, value] of Object.entries(values)) assert.deepEqual(auth[name], value, name)
}

/** Every column that the check depends on. */
const changes: Record<string, Change> = {
  'user_sessions.revoked_at': session('revoked_at = now()', gone),
  'user_sessions.expires_at': session("expires_at = now() - interval '1 second'", gone),
  'user_sessions.expires_at, later': session("expires_at = now() + interval '1 hour'", (auth, before) => {
    assert.ok(String(auth.sessionExpiresAt) < String(before.sessionExpiresAt))
  }),
  'user_sessions.created_at': session("created_at = now() - interval '31 days'", gone),
  'user_sessions.last_seen_at': session(`last_seen_at = now() - interval '${idleSeconds + 1} seconds'`, gone),
  'user_sessions.security_version': session('security_version = security_version + 1', gone),
  'user_sessions.user_id': session('user_id = (SELECT id FROM identsphere.users WHERE id <> user_id LIMIT 1)', gone),
  'user_sessions.organization_id': session('organization_id = NULL', gone),
  'user_sessions.epoch': session('epoch = epoch + 1', becomes({ authTime: null, mfaVerifiedAt: null })),
  'user_sessions.epoch, from before the token': session('epoch = epoch - 1', gone),
  'user_sessions.auth_time': session(
    "auth_time = '2026-01-02T03:04:05.678901Z'",
    becomes({ authTime: '2026-01-02T03:04:05.678Z' }),
  ),
  'user_sessions.mfa_verified_at': session(
    "mfa_verified_at = '2026-01-02T03:04:05.001Z'",
    becomes({ mfaVerifiedAt: '2026-01-02T03:04:05.001Z' }),
  ),
  'user_sessions.amr': session("amr = '{pwd,otp,mfa}'", becomes({ amr: ['pwd', 'otp', 'mfa'] })),
  'user_sessions.amr, empty': session("amr = '{}'", becomes({ amr: [] })),
  'user_sessions.auth_method': session("auth_method = 'passkey'", becomes({ authMethod: 'passkey' })),
  'user_sessions.impersonator_id': session('impersonator_id = user_id', (auth) => {
    assert.equal(auth.impersonatorId, auth.userId)
  }),
  'a row of user_sessions': { sql: 'DELETE FROM identsphere.user_sessions WHERE id = $1', expected: gone },
  'users.status': user("status = 'disabled'", gone),
  'users.security_version': user('security_version = security_version + 1', gone),
  'users.email': user("email = 'changed-' || id || '@example.com'", (auth) => {
    assert.equal(auth.email, `changed-${auth.userId}@example.com`)
  }),
  'users.email_verified_at': user('email_verified_at = now()', becomes({ emailVerified: true })),
  'users.display_name': user(
    'display_name = E\'A \\\\ "name" {,} \\n é 漢\'',
    becomes({ displayName: 'A \\ "name" {,} \n é 漢' }),
  ),
  'organization_memberships.role': {
    sql: "UPDATE identsphere.organization_memberships SET role = 'viewer' WHERE user_id = $1",
    of: 'userId',
    expected: becomes({ role: 'viewer' }),
  },
  'a row of organization_memberships': {
    sql: 'DELETE FROM identsphere.organization_memberships WHERE user_id = $1',
    of: 'userId',
    expected: becomes({ role: null, organizationId: null, permissions: [] }),
  },
  'organizations.deleted_at': organization('deleted_at = now()', gone),
  'organizations.settings': organization(`settings = '{"require_mfa": true}'`, { code: 'mfa_required' }),
  'a row of platform_admins': {
    sql: 'INSERT INTO identsphere.platform_admins (user_id, created_at) VALUES ($1, now())',
    of: 'userId',
    expected: becomes({ isPlatformAdmin: true }),
  },
}

describe('whatever the check depends on', () => {
  let nodes: [TestApp, TestApp]
  before(async () => {
    nodes = await startTwo()
  })
  after(() => nodes[0].close())

  async function askAll({ client }: Person): Promise<[Answer, Answer]> {
    const headers = { cookie: client.cookieHeader('/who') }
    const [one, other] = nodes
    return Promise.all([one.client().get('/who', { headers }), other.client().get('/who', { headers })])
  }

  for (const [column, { sql, of, expected }] of Object.entries(changes)) {
    it(`is seen by the next request at every node when it changes: ${column}`, async () => {
      const someone = await newPerson(nodes[0])
      const [before] = await askAll(someone)
      assert.equal(before.status, 200, before.text)
      await askAll(someone)
      await nodes[0].sql(sql, [of === undefined ? someone.sessionId : someone[of]])
      for (const { status, body, text } of await askAll(someone)) {
        if (typeof expected !== 'function') assert.deepEqual([status, body.error?.code], [401, expected.code], text)
        else {
          assert.equal(status, 200, text)
          expected(body, before.body)
        }
      }
    })
  }

  it('is seen by the next request at every node when it changes: signing_keys.state', async () => {
    const someone = await newPerson(nodes[0])
    const [before] = await askAll(someone)
    assert.equal(before.status, 200)
    const [header = ''] = (someone.client.cookie('at') ?? '').split('.')
    const { kid } = JSON.parse(Buffer.from(header, 'base64url').toString())
    const insert = 'INSERT INTO identsphere.signing_keys (kid, state, updated_at) VALUES ($1, $2, now())'
    await nodes[0].sql(insert, ['another', 'revoked'])
    await nodes[0].sql(insert, [kid, 'retired'])
    for (const { status } of await askAll(someone)) assert.equal(status, 200)
    await nodes[0].sql("UPDATE identsphere.signing_keys SET state = 'revoked' WHERE kid = $1", [kid])
    for (const { status } of await askAll(someone)) assert.equal(status, 401)
    await nodes[0].sql('DELETE FROM identsphere.signing_keys')
    for (const { status } of await askAll(someone)) assert.equal(status, 200)
  })

  it('is no date and denies if its time is infinite', async () => {
    const someone = await newPerson(nodes[0])
    const set = 'UPDATE identsphere.user_sessions SET auth_time = $2, mfa_verified_at = $2 WHERE id = $1'
    for (const infinite of ['infinity', '-infinity']) {
      await nodes[0].sql(set, [someone.sessionId, infinite])
      for (const { status, body } of await askAll(someone)) {
        assert.equal(status, 200)
        assert.equal(Number.isNaN(Date.parse(body.mfaVerifiedAt)), true)
      }
    }
  })

  it('belongs to one request: what a handler does to it reaches no other one', async () => {
    const someone = await newPerson(nodes[0])
    const headers = { cookie: someone.client.cookieHeader('/who') }
    const [one, other] = await Promise.all(
      [1, 2].map(() => nodes[0].identsphere.authenticate(new Headers(headers), { method: 'GET' })),
    )
    assert.ok(one && other)
    const { authTime, sessionExpiresAt } = one
    authTime?.setTime(0)
    sessionExpiresAt.setTime(0)
    assert.notEqual(other.authTime?.getTime(), 0)
    assert.notEqual(other.sessionExpiresAt.getTime(), 0)
    assert.throws(() => (one.amr as string[]).push('mfa'), TypeError)
    const again = await nodes[0].identsphere.authenticate(new Headers(headers), { method: 'GET' })
    assert.notEqual(again?.authTime?.getTime(), 0)
  })
})

describe('a database that refuses writes', () => {
  let nodes: [TestApp, TestApp]
  before(async () => {
    nodes = await startTwo()
  })
  after(() => nodes[0].close())

  it('lets nobody through, although it could read the session', async () => {
    const [app] = nodes
    const { client } = await newPerson(app)
    assert.equal((await client.get('/who')).status, 200)
    const database = new URL(app.databaseUrl).pathname.slice(1)
    const restart = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${database}'`
    await adminQuery(`ALTER DATABASE ${database} SET default_transaction_read_only = on`)
    await adminQuery(restart)
    // The first question to each connection of before may only find out that the connection is gone.
    for (let turn = 0; turn < 4; turn += 1) assert.equal((await client.get('/who')).status, 503)
    assert.equal((await client.get('/v1/health')).status, 503)
    await adminQuery(`ALTER DATABASE ${database} RESET default_transaction_read_only`)
    await adminQuery(restart)
    while ((await client.get('/who')).status === 503);
    assert.equal((await client.get('/who')).status, 200)
  })
})
