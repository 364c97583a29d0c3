/** @waits for deadlines */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { statuses } from '../support/load.js'
import { assertWithin, guardLimitMs, otherLimitMs, startMixedLoad, untilAnswered } from '../support/mixed-load.js'
import { createTestDatabase, type TestDatabase } from '../support/postgres.js'
import { type Service, startService } from '../support/service.js'

let database: TestDatabase
let service: Service
let admin: pg.Client
let observer: pg.Client

before(async () => {
  database = await createTestDatabase()
  service = await startService({ database: database.url })
  admin = new pg.Client(database.url)
  observer = new pg.Client(database.url) // pg_stat_activity does not change within a transaction
  await Promise.all([admin.connect(), observer.connect()])
})

after(async () => {
  await service?.close()
  await admin?.end()
  await observer?.end()
  await database?.drop()
})

async function connections(): Promise<number> {
  const { rows } = await observer.query(
    "SELECT count(*)::int AS count FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'identsphere'",
  )
  return rows[0].count
}

test('answers 503 within the deadline for a locked table, without more connections', async (t) => {
  const load = await startMixedLoad(service, 8)
  await sleep(500)
  await admin.query('BEGIN; LOCK TABLE identsphere.user_sessions, identsphere.users IN ACCESS EXCLUSIVE MODE')
  let most = 0
  for (const end = Date.now() + 12_000; Date.now() < end; await sleep(500)) most = Math.max(most, await connections())
  await admin.query('ROLLBACK')
  const recovery = await untilAnswered(load, load.answered.length)
  await load.stop()
  t.diagnostic(`${JSON.stringify(statuses(load.answered))}, at most ${most} connections, recovered in ${recovery} ms`)
  await assertWithin(service, load.answered, 'guarded', guardLimitMs)
  await assertWithin(service, load.answered, 'login', otherLimitMs)
  await assertWithin(service, load.answered, 'profile', otherLimitMs)
  assert.ok(most <= 16, `${most} connections`)
})
