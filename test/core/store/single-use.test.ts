import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { silentLogger } from '../../../lib/core/config/logger.js'
import { type Database, openDatabase } from '../../../lib/core/store/database.js'
import { countAttempt, takeOnce, useOnce } from '../../../lib/core/store/single-use.js'
import { sql } from '../../../lib/core/store/sql.js'
import { type Executor, Store } from '../../../lib/core/store/store.js'
import { testClock } from '../../support/clock.js'
import { createTestDatabase, type TestDatabase } from '../../support/postgres.js'

const parallel = 40
const table = 'single_use_test'

let database: TestDatabase
let connections: Database
let store: Store

before(async () => {
  database = await createTestDatabase()
  connections = openDatabase(database.url, silentLogger)
  store = new Store(connections, 'identsphere', testClock())
  await connections.knex.raw(
    `CREATE TABLE identsphere.${table} (id integer PRIMARY KEY, used_at timestamptz, good boolean, attempts integer)`,
  )
})
after(async () => {
  await connections?.close()
  await database?.drop()
})
beforeEach(async () => {
  await store.sql`DELETE FROM ${store.table(table)}`
  await store.sql`INSERT INTO ${store.table(table)} VALUES (1, NULL, true, 0), (2, NULL, false, 0)`
})

const use = (db: Executor, id: number) =>
  useOnce<{ id: number }>(db, {
    table,
    where: sql`id = ${id} AND good`,
    unused: sql`used_at IS NULL`,
    use: sql`used_at = ${db.now}`,
    returning: sql`id`,
  })
const take = (db: Executor, id: number) =>
  takeOnce<{ id: number }>(db, { table, where: sql`id = ${id}`, returning: sql`id` })
const count = (db: Executor, id: number, limit: number) =>
  countAttempt<{ attempts: number }>(db, { table, where: sql`id = ${id} AND good`, limit, returning: sql`attempts` })

async function outcomes<T>(act: () => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: parallel }, act))
}

describe('a row that can be used once', () => {
  for (const [how, act] of Object.entries({ used: use, taken: take })) {
    it(`is ${how} by one of many parallel calls`, async () => {
      const winners = (await outcomes(() => act(store, 1))).filter((row) => row !== undefined)
      assert.deepEqual(winners, [{ id: 1 }])
      assert.equal(await act(store, 1), undefined)
    })

    it(`is ${how} by one of many parallel transactions`, async () => {
      const winners = (await outcomes(() => store.transaction((tx) => act(tx, 1)))).filter((row) => row !== undefined)
      assert.deepEqual(winners, [{ id: 1 }])
    })

    it(`is ${how} by the next one if the first rolls back`, async () => {
      const undone = await connections.knex.transaction()
      const first = await store.within(undone, (tx) => act(tx, 1))
      const second = act(store, 1)
      await undone.rollback()
      assert.deepEqual([first, await second], [{ id: 1 }, { id: 1 }])
    })
  }

  it('is not used if it is no longer good or not there', async () => {
    assert.equal(await use(store, 2), undefined)
    assert.equal(await use(store, 3), undefined)
    assert.equal(await take(store, 3), undefined)
    assert.equal((await store.sql`SELECT 1 FROM ${store.table(table)} WHERE used_at IS NULL`).length, 2)
  })
})

describe('attempts counted at a row', () => {
  it('are exactly as many as the limit, however many come in parallel', async () => {
    const counted = (await outcomes(() => count(store, 1, 5))).map((row) => row?.attempts)
    assert.deepEqual(counted.filter((attempts) => attempts !== undefined).sort(), [1, 2, 3, 4, 5])
    assert.equal(await count(store, 1, 5), undefined)
    assert.deepEqual(await count(store, 1, 6), { attempts: 6 })
  })

  it('are none if the row is no longer good or not there', async () => {
    assert.equal(await count(store, 2, 5), undefined)
    assert.equal(await count(store, 3, 5), undefined)
  })
})
