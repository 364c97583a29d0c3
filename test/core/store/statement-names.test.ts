import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import knexLibrary, { type Knex } from 'knex'
import { openDatabase } from '../../../lib/core/store/database.js'
import { Store } from '../../../lib/core/store/store.js'
import { type BuiltIdentSphere, buildIdentSphere } from '../../../lib/identsphere.js'
import { startApp, type TestApp } from '../../support/app.js'
import { testClock } from '../../support/clock.js'
import { callsOf } from '../../support/every-route.js'
import { createLogRecorder, type LogRecorder } from '../../support/log.js'
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from '../../support/postgres.js'
import { routesOf } from '../../support/routes.js'

/** Texts of all statements that the routes, the worker and the guards send. */
const mostTexts = 200

const textsOf = ({ identsphere }: Pick<TestApp, 'identsphere'>) =>
  (identsphere as BuiltIdentSphere).assembly.foundation.database.statementNames.texts()

describe('the number of statement texts', () => {
  let app: TestApp
  before(async () => {
    app = await startApp()
  })
  after(() => app.close())

  async function callEverything(): Promise<void> {
    for (const route of routesOf(app)) {
      for (const { client, path, options } of await callsOf(route, app)) {
        await client.send(route.method, path, options)
      }
    }
    await (app.identsphere as BuiltIdentSphere).worker.drain()
  }

  it('is bounded, whatever the values and the time', async (t) => {
    app.clock.advance(100_000)
    await callEverything()
    const texts = textsOf(app).length
    app.clock.advance(123.5)
    await callEverything()
    assert.equal(textsOf(app).length, texts)
    t.diagnostic(`${texts} texts`)
    assert.ok(texts > 50 && texts <= mostTexts, `${texts} texts`)
  })
})

describe('two instances with different schemas on one connection', () => {
  const schemas = ['first_schema', 'second_schema'] as const
  let database: TestDatabase
  let knex: Knex
  let instances: BuiltIdentSphere[]
  before(async () => {
    database = await createEmptyDatabase()
    knex = knexLibrary({ client: 'pg', connection: database.url, pool: { min: 1, max: 1 } })
    instances = schemas.map((schema) =>
      buildIdentSphere(
        { database: knex, schema, publicBaseUrl: 'http://localhost', worker: 'external', logger: createLogRecorder() },
        {
          environment: { NODE_ENV: 'test', IDENTSPHERE_JWT_SECRET: 'a-secret-that-is-long-enough-for-tests' },
          clock: testClock(),
        },
      ),
    )
    for (const instance of instances) await instance.migrate()
  })
  after(async () => {
    for (const instance of instances ?? []) await instance.close()
    await knex?.destroy()
    await database?.drop()
  })

  it('never run a statement of each other', async () => {
    for (let round = 0; round < 3; round += 1) {
      for (const [index, { api }] of instances.entries()) {
        const email = `only-in-${index}-${round}@example.com`
        await api.users.import({ email })
        assert.equal((await api.users.findByEmail(email))?.email, email)
        assert.equal(await instances[1 - index]?.api.users.findByEmail(email), null)
      }
    }
    const { rows } = (await knex.raw('SELECT name, statement FROM pg_prepared_statements')) as {
      rows: Array<{ name: string; statement: string }>
    }
    const [first, second] = schemas.map((schema) => rows.filter(({ statement }) => statement.includes(`"${schema}"`)))
    assert.ok(first !== undefined && second !== undefined && first.length > 5)
    assert.deepEqual(
      first.map(({ statement }) => statement.replaceAll(schemas[0], schemas[1])).sort(),
      second.map(({ statement }) => statement).sort(),
    )
    assert.equal(new Set([...first, ...second].map(({ name }) => name)).size, first.length + second.length)
    for (const { name } of rows) assert.match(name, /^identsphere_[\w-]{22}$/)
  })
})

describe('a prepared statement that fails by its name', () => {
  let database: TestDatabase
  let knex: Knex
  let log: LogRecorder
  let store: Store
  let close: () => Promise<void>
  before(async () => {
    database = await createTestDatabase()
  })
  after(() => database?.drop())
  beforeEach(async () => {
    await close?.()
    knex = knexLibrary({ client: 'pg', connection: database.url, pool: { min: 1, max: 1 } })
    log = createLogRecorder()
    const opened = openDatabase(knex, log)
    store = new Store(opened, 'identsphere', testClock())
    close = async () => {
      await opened.close()
      await knex.destroy()
    }
    await knex.raw('DROP TABLE IF EXISTS identsphere.things')
    await knex.raw('CREATE TABLE identsphere.things (id integer, value integer)')
    await knex.raw('INSERT INTO identsphere.things VALUES (1, 7)')
  })
  after(() => close?.())

  const read = (db: Pick<Store, 'sql' | 'table'>) =>
    db.sql<{ value: unknown }>`SELECT value FROM ${db.table('things')} WHERE id = ${1}`
  const prepared = async () =>
    (await knex.raw('SELECT name, statement FROM pg_prepared_statements ORDER BY prepare_time')).rows as Array<{
      name: string
      statement: string
    }>
  const warnings = () => log.lines.filter((line) => line.startsWith('warn'))

  it('is prepared once for a connection', async () => {
    for (let time = 0; time < 3; time += 1) assert.deepEqual(await read(store), [{ value: 7 }])
    await store.transaction((tx) => read(tx))
    assert.deepEqual(
      (await prepared()).map(({ statement }) => statement),
      ['SELECT value FROM "identsphere"."things" WHERE id = $1'],
    )
  })

  const losses: Record<string, () => Promise<unknown>> = {
    'is not known (26000)': async () => {
      await read(store)
      await knex.raw('DEALLOCATE ALL')
    },
    "is somebody else's (42P05)": async () => {
      await read(store)
      const [{ name, statement } = assert.fail()] = await prepared()
      await close()
      knex = knexLibrary({ client: 'pg', connection: database.url, pool: { min: 1, max: 1 } })
      const opened = openDatabase(knex, log)
      store = new Store(opened, 'identsphere', testClock())
      close = async () => {
        await opened.close()
        await knex.destroy()
      }
      await knex.raw(`PREPARE "${name}" AS ${statement}`)
    },
  }
  for (const [how, lose] of Object.entries(losses)) {
    it(`${how} is sent without one, and so are all from then on`, async () => {
      await lose()
      assert.deepEqual(await read(store), [{ value: 7 }])
      assert.equal(warnings().length, 1)
      const before = await prepared()
      await store.sql`SELECT id FROM ${store.table('things')}`
      assert.deepEqual(await prepared(), before)
      assert.equal(warnings().length, 1)
    })

    it(`${how} inside a transaction lets it run again, whole`, async () => {
      await lose()
      let runs = 0
      const seen = await store.transaction(async (tx) => {
        runs += 1
        await tx.trx.raw('UPDATE identsphere.things SET value = value + 1')
        return read(tx)
      })
      assert.deepEqual(seen, [{ value: 8 }])
      assert.equal(runs, 2)
      assert.deepEqual(await read(store), [{ value: 8 }])
    })

    it(`${how} inside a transaction lets it run again also if the failure is caught`, async () => {
      await lose()
      let committed = 0
      const done = await store.transaction(async (tx) => {
        tx.afterCommit(() => {
          committed += 1
        })
        await read(tx).catch(() => {})
        return (await tx.sql`UPDATE ${tx.table('things')} SET value = ${9} RETURNING 1`.catch(() => [])).length
      })
      assert.equal(done, 1)
      assert.equal(committed, 1)
      assert.deepEqual(await read(store), [{ value: 9 }])
    })

    it(`${how} leaves a transaction of the host's usable`, async () => {
      await lose()
      await knex.transaction(async (trx) => {
        assert.deepEqual(await read(store.reading(trx)), [{ value: 7 }])
        await store.within(trx, (tx) => read(tx))
        await trx.raw('UPDATE identsphere.things SET value = 5')
      })
      assert.deepEqual(await read(store), [{ value: 5 }])
    })
  }

  it('has an answer of another type after a migration, and goes on without a name', async () => {
    await read(store)
    await store.sql`SELECT id FROM ${store.table('things')}`
    await knex.raw('ALTER TABLE identsphere.things ALTER COLUMN value TYPE text')
    assert.deepEqual(await read(store), [{ value: '7' }])
    assert.deepEqual(await read(store), [{ value: '7' }])
    assert.deepEqual(await store.sql`SELECT id FROM ${store.table('things')}`, [{ id: 1 }])
    assert.deepEqual(warnings(), [])
  })

  it('has answers of other types inside a transaction, which runs again until it is through', async () => {
    const texts = (db: Pick<Store, 'sql' | 'table'>) => [
      () => db.sql`SELECT value FROM ${db.table('things')}`,
      () => db.sql`SELECT value, 1 FROM ${db.table('things')}`,
      () => db.sql`SELECT value, 2 FROM ${db.table('things')}`,
      () => db.sql`SELECT value, 3 FROM ${db.table('things')}`,
      () => db.sql`SELECT value, 4 FROM ${db.table('things')}`,
      () => db.sql`SELECT value, 5 FROM ${db.table('things')}`,
    ]
    for (const run of texts(store)) await run()
    await knex.raw('ALTER TABLE identsphere.things ALTER COLUMN value TYPE text')
    let runs = 0
    await store.transaction(async (tx) => {
      runs += 1
      for (const run of texts(tx)) await run()
    })
    assert.equal(runs, 7)
  })

  it('is no excuse for any other failure', async () => {
    await assert.rejects(store.sql`SELECT ${'x'}::integer`, { code: '22P02' })
    await assert.rejects(store.sql`SELECT 1 FROM ${store.table('nothing')}`, { code: '42P01' })
    await read(store)
    assert.equal((await prepared()).length, 2)
    assert.deepEqual(warnings(), [])
  })
})
