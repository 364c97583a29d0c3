import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Middleware } from '../../../lib/core/http/router.js'
import { signUp, startApp, type TestApp } from '../../support/app.js'
import { bareRequest, passageOf } from '../../support/chain.js'
import { newPerson, type Person } from '../../support/people.js'

type Condition = 'auth' | 'role' | 'permission' | 'recentAuth' | 'recentMfa' | 'platformAdmin'
type State = Record<Condition, boolean>

const codes: Record<Condition, string> = {
  auth: 'authentication_required',
  role: 'forbidden',
  permission: 'forbidden',
  recentAuth: 'reauthentication_required',
  recentMfa: 'mfa_required',
  platformAdmin: 'forbidden',
}

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]]
  return items.flatMap((item, index) => permutations(items.toSpliced(index, 1)).map((rest) => [item, ...rest]))
}

const conditions = Object.keys(codes) as Condition[]
const states: State[] = Array.from({ length: 2 ** conditions.length }, (_, bits) => {
  return Object.fromEntries(conditions.map((condition, index) => [condition, (bits & (1 << index)) !== 0])) as State
})

/** @see CVE-2026-42349, Clerk: one of several conditions decided for all */
describe('combined guards', () => {
  let app: TestApp
  let guards: Record<Condition, Middleware>
  let person: Person
  before(async () => {
    app = await startApp()
    const { identsphere } = app
    guards = {
      auth: identsphere.requireAuth(),
      role: identsphere.requireRole('admin'),
      permission: identsphere.requirePermission('billing:manage'),
      recentAuth: identsphere.requireRecentAuth(),
      recentMfa: identsphere.requireRecentMfa(),
      platformAdmin: identsphere.requirePlatformAdmin(),
    }
    person = await newPerson(app)
  })
  after(() => app.close())

  /** Makes exactly these conditions true for the only user. */
  async function establish(state: State): Promise<Record<string, string>> {
    const { userId, sessionId } = person
    const role = state.role ? (state.permission ? 'owner' : 'admin') : state.permission ? 'billing' : 'viewer'
    await app.sql('UPDATE identsphere.organization_memberships SET role = $1 WHERE user_id = $2', [role, userId])
    await app.sql(
      `UPDATE identsphere.user_sessions SET auth_time = now() - $1 * interval '1 second',
         mfa_verified_at = now() - $2 * interval '1 second' WHERE id = $3`,
      [state.recentAuth ? 0 : 601, state.recentMfa ? 0 : 1801, sessionId],
    )
    await app.sql('DELETE FROM identsphere.platform_admins')
    if (state.platformAdmin) {
      await app.sql('INSERT INTO identsphere.platform_admins (user_id, created_at) VALUES ($1, now())', [userId])
    }
    return state.auth ? { cookie: `identsphere_at=${person.client.cookie('at')}` } : {}
  }

  it('let a request pass exactly if every condition holds, in any order', async () => {
    const orders = permutations(conditions)
    assert.equal(orders.length, 720)
    for (const state of states) {
      const headers = await establish(state)
      await Promise.all(
        orders.map(async (order) => {
          const passage = await passageOf(
            order.map((condition) => guards[condition]),
            bareRequest(headers),
          )
          const failing = state.auth ? order.find((condition) => !state[condition]) : 'auth'
          const expected =
            failing === undefined ? { passed: true, code: null } : { passed: false, code: codes[failing] }
          assert.deepEqual({ passed: passage.passed, code: passage.code }, expected, JSON.stringify({ state, order }))
        }),
      )
    }
  })

  it('let a request pass alone exactly if their own condition holds', async () => {
    for (const state of states) {
      const headers = await establish(state)
      for (const condition of conditions) {
        const { passed } = await passageOf([guards[condition]], bareRequest(headers))
        assert.equal(passed, state.auth && state[condition], JSON.stringify({ state, condition }))
      }
    }
  })

  it('establish the identity with one database query', async () => {
    const headers = await establish({
      auth: true,
      role: true,
      permission: true,
      recentAuth: true,
      recentMfa: true,
      platformAdmin: true,
    })
    const request = bareRequest(headers)
    assert.equal((await passageOf([guards.auth], request)).passed, true)
    await app.sql(`UPDATE identsphere.users SET status = 'disabled'`)
    try {
      assert.equal((await passageOf(Object.values(guards), request)).passed, true, 'this request is already known')
      assert.equal(
        (await passageOf([guards.auth], bareRequest(headers))).passed,
        false,
        'the next request queries again',
      )
    } finally {
      await app.sql(`UPDATE identsphere.users SET status = 'active'`)
    }
  })
})

describe('a second factor', () => {
  let app: TestApp
  let person: Person
  before(async () => {
    app = await startApp()
    person = await newPerson(app)
    await app.sql('INSERT INTO identsphere.platform_admins (user_id, created_at) VALUES ($1, now())', [person.userId])
  })
  after(() => app.close())

  /** Result of a guard for a session whose second factor was verified at this time (SQL). */
  async function passes(guard: Middleware, verifiedAt: string): Promise<{ passed: boolean; code: string | null }> {
    await app.sql(`UPDATE identsphere.user_sessions SET mfa_verified_at = ${verifiedAt}`)
    const request = bareRequest({ cookie: `identsphere_at=${person.client.cookie('at')}` })
    const { passed, code } = await passageOf([guard], request)
    return { passed, code }
  }

  const ok = { passed: true, code: null }
  const asked = { passed: false, code: 'mfa_required' }
  const ago = (seconds: number) => `now() - interval '${seconds} seconds'`

  it("is recent for 30 minutes or the guard's own limit", async () => {
    const recent = app.identsphere.requireRecentMfa()
    for (const [verifiedAt, outcome] of [
      ['NULL', asked],
      [ago(1_790), ok],
      [ago(1_801), asked],
      [ago(0), ok],
      [ago(-5), asked],
      [ago(-86_400), asked],
      [`'epoch'`, asked],
      [`'2999-01-01'`, asked],
    ] as const) {
      assert.deepEqual(await passes(recent, verifiedAt), outcome, verifiedAt)
    }
    const strict = app.identsphere.requireRecentMfa({ maxAgeSeconds: 60 })
    assert.deepEqual(await passes(strict, ago(50)), ok)
    assert.deepEqual(await passes(strict, ago(61)), asked)
  })

  it('is never recent at an infinite time', async () => {
    for (const verifiedAt of [`'infinity'`, `'-infinity'`]) {
      for (const guard of [app.identsphere.requireRecentMfa(), app.identsphere.requirePlatformAdmin()]) {
        assert.deepEqual(await passes(guard, verifiedAt), asked, verifiedAt)
      }
    }
  })

  it('is required of a platform admin, at no future time', async () => {
    const admin = app.identsphere.requirePlatformAdmin()
    for (const [verifiedAt, outcome] of [
      ['NULL', asked],
      [ago(86_400), ok],
      [ago(-5), asked],
    ] as const) {
      assert.deepEqual(await passes(admin, verifiedAt), outcome, verifiedAt)
    }
    await app.sql('UPDATE identsphere.user_sessions SET impersonator_id = user_id')
    assert.deepEqual(await passes(admin, ago(0)), { passed: false, code: 'forbidden' })
    await app.sql('UPDATE identsphere.user_sessions SET impersonator_id = NULL')
  })

  it('is requested with details for the client', async () => {
    await app.sql('UPDATE identsphere.user_sessions SET mfa_verified_at = NULL')
    const another = await startApp({
      routes: (host, identsphere) => {
        host.get('/payouts', identsphere.requireRecentMfa(), (_request, response) => void response.end())
      },
    })
    try {
      const { client } = await signUp(another)
      const answer = await client.get('/payouts')
      assert.equal(answer.status, 401)
      assert.equal(answer.body.error.type, 'mfa_required')
      assert.deepEqual(answer.body.error.details, { enrolled: false, methods: [] })
    } finally {
      await another.close()
    }
  })
})
