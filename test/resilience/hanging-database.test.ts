import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { password, signUp } from '../support/app.js'
import { type Answered, createGet, type Load, startLoad, statuses } from '../support/load.js'
import { createTestDatabase, type TestDatabase } from '../support/postgres.js'
import { type DatabaseProxy, startProxy } from '../support/proxy.js'
import { type Service, startService } from '../support/service.js'

/** Milliseconds that a guard may take: its deadline of 1 s, and what a busy machine adds. */
const guardLimit = 2_500
/** Everything else: 10 s for a statement, 5 s for the rollback behind it, and the same addition. */
const otherLimit = 17_000

let database: TestDatabase
let proxy: DatabaseProxy
let service: Service
let admin: pg.Client
let observer: pg.Client

before(async () => {
  database = await createTestDatabase()
  proxy = await startProxy(Number(new URL(database.url).port))
  service = await startService({ database: proxy.url(database.url) })
  admin = new pg.Client(database.url)
  observer = new pg.Client(database.url) // what a transaction reads of pg_stat_activity stands still
  await Promise.all([admin.connect(), observer.connect()])
})

after(async () => {
  await service?.close()
  await admin?.end()
  await observer?.end()
  await proxy?.close()
  await database?.drop()
})

async function mixedLoad(guards: number): Promise<Load> {
  const people = await Promise.all([signUp(service), signUp(service)])
  const [first, second] = people
  const cookie = { cookie: first.client.cookieHeader('/guarded') }
  return startLoad([
    ...Array.from({ length: guards }, () => ({ label: 'guarded', send: createGet(`${service.url}/guarded`, cookie) })),
    {
      label: 'login',
      send: async () => (await service.client().post('/v1/auth/login', { email: second.email, password })).status,
    },
    {
      label: 'profile',
      send: createGet(`${service.url}/v1/users/me`, { cookie: second.client.cookieHeader('/v1/users/me') }),
    },
  ])
}

async function check(answered: readonly Answered[], label: string, limit: number): Promise<void> {
  const these = answered.filter((one) => one.label === label)
  const wrong = (await service.lines()).filter((line) => line.startsWith('error Something went wrong'))
  assert.deepEqual(Object.keys(statuses(these)), ['200', '503'], `${label} ${wrong}`)
  const slowest = Math.max(...these.map((one) => one.ended - one.began))
  assert.ok(slowest < limit, `${label}: the slowest answer took ${slowest} ms`)
}

async function untilAnswered(load: Load, from: number): Promise<number> {
  const began = Date.now()
  const labels = new Set(load.answered.map((one) => one.label))
  for (;;) {
    const since = load.answered.slice(from).filter((one) => one.status === 200)
    if ([...labels].every((label) => since.some((one) => one.label === label))) return Date.now() - began
    if (Date.now() - began > 20_000) assert.fail(`no recovery: ${JSON.stringify(statuses(load.answered.slice(from)))}`)
    await sleep(50)
  }
}

async function connections(): Promise<number> {
  const { rows } = await observer.query(
    "SELECT count(*)::int AS count FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'identsphere'",
  )
  return rows[0].count
}

test('a locked table is 503 within the deadline, and costs the server no more connections than before', async (t) => {
  const load = await mixedLoad(8)
  await sleep(500)
  await admin.query('BEGIN; LOCK TABLE identsphere.user_sessions, identsphere.users IN ACCESS EXCLUSIVE MODE')
  let most = 0
  for (const end = Date.now() + 12_000; Date.now() < end; await sleep(500)) most = Math.max(most, await connections())
  await admin.query('ROLLBACK')
  const recovery = await untilAnswered(load, load.answered.length)
  await load.stop()
  t.diagnostic(`${JSON.stringify(statuses(load.answered))}, at most ${most} connections, recovered in ${recovery} ms`)
  await check(load.answered, 'guarded', guardLimit)
  await check(load.answered, 'login', otherLimit)
  await check(load.answered, 'profile', otherLimit)
  assert.ok(most <= 16, `${most} connections`)
})

test('a silent network is 503 within the deadline, and a connection whose answer came late is asked nothing more', async (t) => {
  const load = await mixedLoad(8)
  await sleep(500)
  proxy.swallow()
  await sleep(12_000)
  const from = load.answered.length
  proxy.resume()
  const recovery = await untilAnswered(load, from)
  await load.stop()
  t.diagnostic(`${JSON.stringify(statuses(load.answered))}, recovered in ${recovery} ms`)
  await check(load.answered, 'guarded', guardLimit)
  await check(load.answered, 'login', otherLimit)
  await check(load.answered, 'profile', otherLimit)
  assert.equal(proxy.askedAfterLateAnswer, 0)
  assert.ok(service.isRunning())
})
