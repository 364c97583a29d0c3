import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import pg from 'pg'
import { silentLogger } from '../../../lib/core/config/logger.js'
import { type Budget, clearBudgets, refundBudgets, spendBudgets } from '../../../lib/core/store/budgets.js'
import { type Database, openDatabase } from '../../../lib/core/store/database.js'
import { Store } from '../../../lib/core/store/store.js'
import { type TestClock, testClock } from '../../support/clock.js'
import { createTestDatabase, type TestDatabase } from '../../support/postgres.js'

const parallel = 40

let database: TestDatabase
let connections: Database
let clock: TestClock
let store: Store

before(async () => {
  database = await createTestDatabase()
  connections = openDatabase(database.url, silentLogger)
  clock = testClock()
  store = new Store(connections, 'identsphere', clock)
})
after(async () => {
  await connections?.close()
  await database?.drop()
})
beforeEach(() => store.sql`DELETE FROM ${store.table('budgets')}`)

const source = (name: string): Budget => ({ key: `source:${name}`, limit: 10, windowSeconds: 900 })
const total: Budget = { key: 'all', limit: 100, windowSeconds: 86_400 }

async function counts(): Promise<Record<string, number>> {
  const rows = await store.sql<{ key: string; count: number }>`SELECT key, count FROM ${store.table('budgets')}`
  return Object.fromEntries(rows.map(({ key, count }) => [key, count]))
}

async function spendTimes(times: number, budgets: readonly Budget[]): Promise<void> {
  for (let spent = 0; spent < times; spent += 1) assert.equal(await spendBudgets(store, budgets), null)
}

/** How many of parallel attempts were not refused. */
async function allowed(budgetsOf: (index: number) => readonly Budget[]): Promise<number> {
  const waits = await Promise.all(Array.from({ length: parallel }, (_, index) => spendBudgets(store, budgetsOf(index))))
  return waits.filter((wait) => wait === null).length
}

describe('several budgets', () => {
  it('are spent together', async () => {
    await spendTimes(3, [source('a'), total])
    await spendTimes(2, [source('b'), total])
    assert.deepEqual(await counts(), { 'source:a': 3, 'source:b': 2, all: 5 })
  })

  it('are not spent at all if one of them is used up', async () => {
    await spendTimes(10, [source('a'), total])
    const before = await counts()
    assert.ok(Number(await spendBudgets(store, [source('a'), total])) > 0)
    assert.ok(Number(await spendBudgets(store, [total, source('a')])) > 0)
    assert.deepEqual(await counts(), before)
  })

  it('name the longest wait of those that are used up', async () => {
    const [short, long] = [
      { key: 'short', limit: 1, windowSeconds: 60 },
      { key: 'long', limit: 1, windowSeconds: 600 },
    ]
    await spendTimes(1, [short, long])
    const wait = Number(await spendBudgets(store, [short, long]))
    assert.ok(wait > 540 && wait <= 600, String(wait))
    clock.advance(61)
    assert.ok(Number(await spendBudgets(store, [short, long])) > 60, 'the window of one has ended')
    clock.advance(540)
    assert.equal(await spendBudgets(store, [short, long]), null)
    assert.deepEqual(await counts(), { short: 1, long: 1 })
  })

  it('give parallel attempts the limit of the first, and the second counts only those', async () => {
    assert.equal(await allowed(() => [source('a'), total]), 10)
    assert.deepEqual(await counts(), { 'source:a': 10, all: 10 })
  })

  it('give parallel attempts the last unit once', async () => {
    await spendTimes(9, [source('a'), total])
    assert.equal(await allowed(() => [source('a'), total]), 1)
    assert.deepEqual(await counts(), { 'source:a': 10, all: 10 })
  })

  it('give parallel attempts of many sources the last unit that they share once', async () => {
    await store.sql`
      INSERT INTO ${store.table('budgets')} (key, count, window_ends_at)
      VALUES (${total.key}, 99, ${store.now} + interval '1 day')`
    assert.equal(await allowed((index) => [source(String(index)), total]), 1)
    const { all, ...sources } = await counts()
    assert.equal(all, 100)
    assert.deepEqual(Object.values(sources), [1], 'sources that were refused have spent nothing')
  })

  it('give parallel attempts of many sources a shared limit exactly, also if no row is there yet', async () => {
    const few = { ...total, limit: 5 }
    assert.equal(await allowed((index) => [source(String(index)), few]), 5)
    const { all, ...sources } = await counts()
    assert.equal(all, 5)
    assert.deepEqual(Object.values(sources), Array(5).fill(1))
  })

  it('are given back together, and a row that counts nothing goes', async () => {
    await spendTimes(1, [source('a'), total])
    await spendTimes(1, [source('b'), total])
    await refundBudgets(store, [source('a'), total])
    assert.deepEqual(await counts(), { 'source:b': 1, all: 1 })
  })

  it('count nothing once parallel attempts were all given back', async () => {
    await Promise.all(
      Array.from({ length: parallel }, async (_, index) => {
        const budgets = [source(String(index % 8)), total]
        assert.equal(await spendBudgets(store, budgets), null)
        await refundBudgets(store, budgets)
      }),
    )
    assert.deepEqual(await counts(), {})
  })

  /** Else two calls could each hold what the other waits for. */
  for (const [what, act] of Object.entries({
    spent: (budgets: readonly Budget[]) => spendBudgets(store, budgets),
    'given back': (budgets: readonly Budget[]) => refundBudgets(store, budgets),
    cleared: (budgets: readonly Budget[]) =>
      clearBudgets(
        store,
        budgets.map(({ key }) => key),
      ),
  })) {
    for (const areThere of what === 'spent' ? [true, false] : [true]) {
      it(`are ${what} in the order of their keys, ${areThere ? 'if they are there' : 'also if they are new'}`, async () => {
        const [first, second] = [source('a'), source('b')]
        if (areThere) await spendTimes(2, [first, second])
        const holder = new pg.Client(database.url)
        await holder.connect()
        try {
          const touch = ({ key }: Budget) =>
            holder.query(
              `INSERT INTO identsphere.budgets AS b (key, count, window_ends_at) VALUES ($1, 1, now() + interval '1 hour')
               ON CONFLICT (key) DO UPDATE SET count = b.count + 1`,
              [key],
            )
          await holder.query('BEGIN')
          await touch(first)
          const acted = act([second, first])
          await untilBlockedBy(holder)
          await touch(second)
          await holder.query('COMMIT')
          await acted
        } finally {
          await holder.end()
        }
      })
    }
  }
})

async function untilBlockedBy(holder: pg.Client): Promise<void> {
  const { rows } = await holder.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  const pid = rows[0]?.pid ?? 0
  for (;;) {
    const blocked = await store.sql`SELECT 1 FROM pg_stat_activity WHERE ${pid} = ANY (pg_blocking_pids(pid))`
    if (blocked.length > 0) return
  }
}
