import assert from 'node:assert/strict'
import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import knexLibrary from 'knex'
import pg from 'pg'
import { migrations } from '../../migrations/index.js'
import { compiled, root } from '../support/compiled.js'
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from '../support/postgres.js'

let database: TestDatabase
let admin: pg.Client

before(async () => {
  database = await createEmptyDatabase()
  admin = new pg.Client(database.url)
  await admin.connect()
})

after(async () => {
  await admin?.end()
  await database?.drop()
})

function startMigrating(): ChildProcess {
  return fork(compiled('test/support/migrate-process.ts'), [database.url])
}

/** Tables, columns, indexes, constraints, triggers and functions of the schema, as text. */
async function shapeOf(client: pg.Client): Promise<string[]> {
  await client.query("SET search_path = ''") // then names are qualified with their schema
  const { rows } = await client.query(`
    SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable AS line
      FROM information_schema.columns WHERE table_schema = 'identsphere'
    UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'identsphere'
    UNION ALL SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)
      FROM pg_constraint WHERE connamespace = 'identsphere'::regnamespace
    UNION ALL SELECT pg_get_triggerdef(t.oid) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
      WHERE NOT t.tgisinternal AND c.relnamespace = 'identsphere'::regnamespace
    UNION ALL SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'identsphere'::regnamespace
    ORDER BY 1`)
  return rows.map(({ line }) => line)
}

test('leaves nothing and blocks nothing if killed halfway', async () => {
  // The migrating session stops before its sixth table until the test releases the lock.
  await admin.query(`
    CREATE FUNCTION public.stop_half_way() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
      IF (SELECT count(*) FROM pg_tables WHERE schemaname = 'identsphere') = 5 THEN PERFORM pg_advisory_xact_lock(7); END IF;
    END $$;
    CREATE EVENT TRIGGER half_way ON ddl_command_start WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION public.stop_half_way();
    SELECT pg_advisory_lock(7)`)
  const child = startMigrating()
  await untilWaiting()
  child.kill('SIGKILL')
  await once(child, 'exit')
  await admin.query('SELECT pg_advisory_unlock(7)')
  await untilAlone()
  const left = "SELECT to_regnamespace('identsphere') IS NULL AS none"
  assert.deepEqual((await admin.query(left)).rows, [{ none: true }])
  await admin.query('DROP EVENT TRIGGER half_way; DROP FUNCTION public.stop_half_way()')
})

/** The commands that can migrate from a checkout. */
const ways = [
  [process.execPath, compiled('test/support/migrate-process.ts')],
  [process.execPath, compiled('lib/cli/identsphere.ts'), 'migrate'],
  [process.execPath, 'node_modules/knex/bin/cli.js', 'migrate:latest'],
]

test('leaves one complete schema if nine processes of three kinds migrate simultaneously', async () => {
  const { NODE_TEST_CONTEXT: _, ...environment } = process.env
  const children = [...ways, ...ways, ...ways].map(([command = '', ...args]) =>
    spawn(command, args[0]?.includes('migrate-process') ? [...args, database.url] : args, {
      cwd: root,
      env: { ...environment, DATABASE_URL: database.url },
      stdio: ['ignore', 'ignore', 'inherit'],
    }),
  )
  const ends = await Promise.all(children.map((child) => once(child, 'exit')))
  assert.deepEqual(ends, Array(9).fill([0, null]))
  const { rows } = await admin.query('SELECT name FROM identsphere.migrations ORDER BY id')
  assert.deepEqual(
    rows.map(({ name }) => name),
    Object.keys(migrations).sort(),
  )

  const reference = await createTestDatabase()
  const client = new pg.Client(reference.url)
  await client.connect()
  try {
    assert.deepEqual(await shapeOf(admin), await shapeOf(client))
  } finally {
    await client.end()
    await reference.drop()
  }
})

test('undoes each up() by its down(), without later migrations', async () => {
  const empty = await createEmptyDatabase()
  const client = new pg.Client(empty.url)
  await client.connect()
  const knex = knexLibrary({ client: 'pg', connection: empty.url, pool: { min: 0, max: 1 } })
  try {
    await knex.raw('CREATE SCHEMA identsphere')
    for (const name of Object.keys(migrations).sort()) {
      const { up, down } = migrations[name] ?? assert.fail(name)
      const before = await shapeOf(client)
      await up(knex, 'identsphere')
      assert.notDeepEqual(await shapeOf(client), before, name)
      await down(knex, 'identsphere')
      assert.deepEqual(await shapeOf(client), before, name)
      await up(knex, 'identsphere')
    }
  } finally {
    await knex.destroy()
    await client.end()
    await empty.drop()
  }
})

const others = 'FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()'

async function untilWaiting(): Promise<void> {
  const waiting = `SELECT count(*)::int AS count ${others} AND wait_event_type = 'Lock'`
  while ((await admin.query(waiting)).rows[0].count === 0) await sleep(20)
}

async function untilAlone(): Promise<void> {
  while ((await admin.query(`SELECT count(*)::int AS count ${others}`)).rows[0].count > 0) await sleep(20)
}
