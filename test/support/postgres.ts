import { createHash, randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import knex from 'knex'
import pg from 'pg'
import { migrateDatabase } from '../../lib/store/migrate.js'

/** A database of one test file's own. */
export interface TestDatabase {
  url: string
  /** Drops it, open connections or not. */
  drop(): Promise<void>
}

/** Number of the advisory lock under which the template is made. */
const templateLock = 7_355_608

let template: Promise<string> | undefined

/** A fresh database with all migrations run, in the schema `identsphere`. A copy of a template, so it costs little. */
export async function createTestDatabase(): Promise<TestDatabase> {
  template ??= createTemplate()
  return createDatabase(`TEMPLATE ${await template}`)
}

/** A fresh database without any table. */
export function createEmptyDatabase(): Promise<TestDatabase> {
  return createDatabase('TEMPLATE template0')
}

/** Runs `sql` as the administrator, on the server's maintenance database. */
export async function adminQuery(sql: string): Promise<pg.QueryResult> {
  return withAdmin((client) => client.query(sql))
}

async function createDatabase(options: string): Promise<TestDatabase> {
  const name = `identsphere_test_${randomBytes(8).toString('hex')}`
  await adminQuery(`CREATE DATABASE ${name} ${options}`)
  return {
    url: databaseUrl(name),
    async drop() {
      await adminQuery(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
    },
  }
}

/** Made once per server and set of migrations; the name says which, so that a server may be used for many runs. */
async function createTemplate(): Promise<string> {
  const name = `identsphere_template_${migrationsHash()}`
  const unfinished = `${name}_unfinished`
  await withAdmin(async (client) => {
    await client.query('SELECT pg_advisory_lock($1)', [templateLock]) // ends with the connection
    const found = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name])
    if (found.rows.length > 0) return
    await client.query(`DROP DATABASE IF EXISTS ${unfinished} WITH (FORCE)`)
    await client.query(`CREATE DATABASE ${unfinished} TEMPLATE template0`)
    await migrate(databaseUrl(unfinished))
    await client.query(`ALTER DATABASE ${unfinished} RENAME TO ${name}`)
  })
  return name
}

async function migrate(url: string): Promise<void> {
  const database = knex({ client: 'pg', connection: url, pool: { min: 0, max: 2 } })
  try {
    await migrateDatabase(database, { schema: 'identsphere' })
  } finally {
    await database.destroy()
  }
}

function migrationsHash(): string {
  const folder = join(import.meta.dirname, '../../migrations')
  const hash = createHash('sha256')
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  for (const path of files.map((entry) => join(entry.parentPath, entry.name)).sort()) {
    hash
      .update(`${path.slice(folder.length)}\0`)
      .update(readFileSync(path))
      .update('\0')
  }
  return hash.digest('hex').slice(0, 16)
}

function serverUrl(): string {
  const url = process.env.TEST_DATABASE_URL
  if (!url) throw new Error('TEST_DATABASE_URL is not set. Run the tests with `npm test -- <files>`.')
  return url
}

function databaseUrl(name: string): string {
  const url = new URL(serverUrl())
  url.pathname = `/${name}`
  return url.href
}

async function withAdmin<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: serverUrl() })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}
