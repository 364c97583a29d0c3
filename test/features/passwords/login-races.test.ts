/** Logins that run at once, and logins that meet a change of the account. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import pg from 'pg'
import { password, signIn, startApp, type TestApp } from '../../support/app.js'
import type { Answer } from '../../support/client.js'
import { needs } from '../../support/host.js'
import { challenged, enrol } from '../../support/mfa.js'
import { newPerson, type Person } from '../../support/people.js'
import { hashingOf } from '../../support/work.js'

const atOnce = 12
const maxSessions = 100
const newPassword = 'four-lone-heron-wades-9'

let app: TestApp
let duringSignIn: ((userId: string) => Promise<unknown>) | undefined
before(async () => {
  app = await startApp({
    before: (host) => void host.set('trust proxy', true),
    hooks: {
      async beforeSignIn(_tx, { userId }) {
        await duringSignIn?.(userId)
      },
    },
  })
})
after(() => app.close())

const login = (email: string, client = app.client()): Promise<Answer> =>
  client.post('/v1/auth/login', { email, password })

/** Each from a network of its own, so that none waits for what another one has counted. */
const loginsAtOnce = (email: string): Promise<Answer[]> =>
  Promise.all(
    Array.from({ length: atOnce }, (_, index) => login(email, app.client({ 'x-forwarded-for': `100.64.${index}.1` }))),
  )

const sessionsOf = (userId: string) =>
  app.sql('SELECT id, revoked_at FROM identsphere.user_sessions WHERE user_id = $1', [userId])

const liveSessionsOf = async (userId: string) =>
  (await sessionsOf(userId)).filter(({ revoked_at }) => revoked_at === null).length

const entriesOf = (userId: string, action: string) =>
  app.sql('SELECT resource_id FROM identsphere.audit_logs WHERE subject_id = $1 AND action = $2', [userId, action])

async function addSessions(userId: string, count: number): Promise<void> {
  await app.sql(
    `INSERT INTO identsphere.user_sessions (id, user_id, auth_method, amr, auth_time, security_version, created_at,
       last_seen_at, expires_at)
     SELECT gen_random_uuid(), $1, 'password', ARRAY['pwd'], now(), 1, now() - n * interval '1 minute', now(),
       now() + interval '1 day'
     FROM generate_series(1, $2::int) AS n`,
    [userId, count],
  )
}

describe('logins to one account at once', { skip: needs('trust proxy') }, () => {
  it('each begin a session with a token and an audit row of its own, and leave no failure counted', async () => {
    const { email, userId } = await newPerson(app)
    const answers = await loginsAtOnce(email)
    assert.deepEqual(
      answers.map(({ status }) => status),
      Array(atOnce).fill(200),
    )
    const ids = new Set(answers.map(({ body }) => body.session.id))
    assert.equal(ids.size, atOnce)
    assert.equal(await liveSessionsOf(userId), atOnce + 1)
    const tokens = await app.sql(
      `SELECT count(*)::int AS count FROM identsphere.refresh_tokens t
       JOIN identsphere.user_sessions s ON s.id = t.session_id WHERE s.user_id = $1`,
      [userId],
    )
    assert.equal(tokens[0].count, atOnce + 1)
    const recorded = new Set((await entriesOf(userId, 'auth.login')).map(({ resource_id }) => resource_id))
    for (const id of ids) assert.ok(recorded.has(id))
    assert.deepEqual(await app.sql(`SELECT key FROM identsphere.budgets WHERE key LIKE 'password:%'`), [])
  })

  it('make the key of the audit rows once', async () => {
    const { email, userId } = await newPerson(app)
    await app.sql('DELETE FROM identsphere.audit_subject_keys WHERE subject_id = $1', [userId])
    await loginsAtOnce(email)
    const client = await signIn(app, email)
    const { audit_logs: entries } = (await client.get('/v1/users/me/export')).body
    const readable = entries.filter((one: { action: string; ip_address?: string }) => one.ip_address !== undefined)
    assert.equal(readable.filter((one: { action: string }) => one.action === 'auth.login').length, atOnce + 1)
  })

  it('end each of the oldest sessions beyond the cap once, and the next login restores the cap', async () => {
    const { email, userId } = await newPerson(app)
    await addSessions(userId, maxSessions - 1 - atOnce / 2)
    await loginsAtOnce(email)
    await login(email)
    assert.equal(await liveSessionsOf(userId), maxSessions)
    const ended = (await entriesOf(userId, 'sessions.revoked')).map(({ resource_id }) => resource_id)
    assert.equal(ended.length, atOnce / 2 + 1)
    assert.equal(new Set(ended).size, ended.length)
  })

  it('try one password with the last unit of a budget, be it right or wrong', {
    skip: needs('a second connection'),
  }, async () => {
    for (const [tried, status] of [
      [password, 200],
      [`${password}-wrong`, 401],
    ] as const) {
      const { email } = await newPerson(app)
      const attempt = (secret: string) =>
        app.client({ 'x-forwarded-for': '203.0.113.50' }).post('/v1/auth/login', { email, password: secret })
      await Promise.all(Array.from({ length: 9 }, () => attempt(`${password}-wrong`)))
      // A right password gives a new start, so all attempts have to be there before it.
      const holder = await lock('identsphere.budgets')
      const statuses: number[] = []
      const hashing = await hashingOf(async () => {
        const attempts = Array.from({ length: 5 }, () => attempt(tried))
        await untilWaiting(5)
        await holder.release()
        for (const answer of await Promise.all(attempts)) statuses.push(answer.status)
      })
      assert.deepEqual(
        statuses.filter((one) => one !== 429),
        [status],
        String(statuses),
      )
      assert.equal(hashing.length, 1)
    }
  })
})

/** What ends sessions and sign-ins of an account. */
const changes: Record<string, (owner: Person) => Promise<unknown>> = {
  'the host disables it': ({ userId }) => app.identsphere.api.users.disable(userId),
  'the host ends its sessions': ({ userId }) => app.identsphere.api.sessions.revokeAll(userId),
  'its user signs all others out': async ({ client }) => {
    assert.equal((await client.delete('/v1/users/me/sessions')).status, 204)
  },
  'its user changes the password': async ({ client }) => {
    const body = { current_password: password, new_password: newPassword }
    assert.equal((await client.post('/v1/users/me/password', body)).status, 204)
  },
  'its user erases it': async ({ client }) => {
    assert.equal((await client.delete('/v1/users/me')).status, 204)
  },
}

describe('a login to an account that changes', { skip: needs('a second connection') }, () => {
  for (const [what, change] of Object.entries(changes)) {
    it(`begins no session if ${what} before the session is made`, async () => {
      const owner = await newPerson(app)
      const known = (await sessionsOf(owner.userId)).map(({ id }) => id)
      duringSignIn = async (userId) => {
        if (userId !== owner.userId) return
        duringSignIn = undefined
        await change(owner)
      }
      const answer = await login(owner.email)
      assert.equal(answer.status, 401, answer.text)
      assert.equal(answer.body.error.code, 'invalid_credentials')
      assert.equal(answer.headers['set-cookie'], undefined)
      for (const { id } of await sessionsOf(owner.userId)) assert.ok(known.includes(id))
      assert.equal((await entriesOf(owner.userId, 'auth.login')).length, 1)
    })

    it(`begins no session that is live if ${what} while the session is made`, async () => {
      const owner = await newPerson(app)
      const browser = app.client()
      const holder = await lock('identsphere.refresh_tokens')
      const late = login(owner.email, browser)
      await untilWaiting(1)
      const changed = change(owner)
      await untilWaiting(2, changed)
      await holder.release()
      await Promise.all([late, changed])
      assert.equal((await browser.get('/v1/auth/session')).status, 401)
      assert.equal((await browser.post('/v1/auth/refresh')).status, 401)
    })
  }

  it('leaves nothing behind if its user erases it while the session is made', async () => {
    const owner = await newPerson(app)
    const holder = await lock('identsphere.refresh_tokens')
    const late = login(owner.email)
    await untilWaiting(1)
    const erased = owner.client.delete('/v1/users/me')
    await untilWaiting(2)
    await holder.release()
    assert.equal((await erased).status, 204)
    await late
    assert.deepEqual(await sessionsOf(owner.userId), [])
  })

  it('leaves nothing behind if its user erases it while the challenge is made', async () => {
    const owner = await enrol(app)
    const holder = await lock('identsphere.audit_logs')
    const late = login(owner.email)
    await untilWaiting(1)
    const eraser = new pg.Client(app.databaseUrl)
    await eraser.connect()
    try {
      // An erasure begins with this lock; what comes before it would wait for the audit log.
      const locked = eraser.query('SELECT 1 FROM identsphere.users WHERE id = $1 FOR UPDATE', [owner.userId])
      await untilWaiting(2)
      await holder.release()
      await locked
      const challenges = 'SELECT 1 FROM identsphere.mfa_challenges WHERE user_id = $1 AND consumed_at IS NULL'
      assert.equal((await app.sql(challenges, [owner.userId])).length, 1, 'the erasure finds it')
      assert.equal((await late).body.status, 'mfa_required')
    } finally {
      await eraser.end()
    }
  })

  for (const [what, make] of Object.entries({ session: newPerson, challenge: enrol })) {
    it(`waits for an erasure that has begun, and then begins no ${what}`, async () => {
      const { email, userId } = await make(app)
      const known = await sessionsOf(userId)
      const eraser = new pg.Client(app.databaseUrl)
      await eraser.connect()
      try {
        await eraser.query('BEGIN')
        await eraser.query('SELECT 1 FROM identsphere.users WHERE id = $1 FOR UPDATE', [userId])
        const late = login(email)
        await untilWaiting(1)
        await eraser.query(
          `UPDATE identsphere.users SET status = 'deleted', security_version = security_version + 1 WHERE id = $1`,
          [userId],
        )
        await eraser.query('COMMIT')
        const answer = await late
        assert.equal(answer.status, 401, answer.text)
        assert.equal(answer.body.error.code, 'invalid_credentials')
      } finally {
        await eraser.end()
      }
      assert.deepEqual(await sessionsOf(userId), known)
      assert.deepEqual(await app.sql('SELECT 1 FROM identsphere.mfa_challenges WHERE user_id = $1', [userId]), [])
    })
  }

  it('begins no challenge if the account changes before it is made', async () => {
    const owner = await enrol(app)
    const holder = await lock('identsphere.mfa_factors')
    const late = login(owner.email)
    await untilWaiting(1)
    await app.sql('UPDATE identsphere.users SET security_version = security_version + 1 WHERE id = $1', [owner.userId])
    await holder.release()
    const answer = await late
    assert.equal(answer.status, 401, answer.text)
    assert.equal(answer.body.error.code, 'invalid_credentials')
    await challenged(app, owner.email)
  })
})

/** Waits until so many statements wait for a lock, or `act` is done. */
async function untilWaiting(count: number, act?: Promise<unknown>): Promise<void> {
  let isDone = false
  act?.then(
    () => {
      isDone = true
    },
    () => {
      isDone = true
    },
  )
  const waiting = `
    SELECT count(*)::int AS count FROM pg_stat_activity
    WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0`
  while (!isDone && (await app.sql(waiting))[0].count < count) await new Promise(setImmediate)
}

/** Locks a table against everything, until it is released. */
async function lock(table: string): Promise<{ release(): Promise<void> }> {
  const holder = new pg.Client(app.databaseUrl)
  await holder.connect()
  await holder.query(`BEGIN; LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`)
  return {
    async release() {
      await holder.query('COMMIT')
      await holder.end()
    },
  }
}
