import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { createDatabase } from '../../lib/testing/databases.js'

/** A database of one test file's own. */
export interface TestDatabase {
  url: string
  /** Drops it, open connections or not. */
  drop(): Promise<void>
}

/** A fresh database with all migrations run, in the schema `identsphere`. A copy of a template, so it costs little. */
export function createTestDatabase(): Promise<TestDatabase> {
  return createDatabase(serverUrl(), 'identsphere')
}

/** A fresh database without any table. */
export async function createEmptyDatabase(): Promise<TestDatabase> {
  const name = `identsphere_empty_${randomBytes(8).toString('hex')}`
  await adminQuery(`CREATE DATABASE ${name} TEMPLATE template0`)
  const url = new URL(serverUrl())
  url.pathname = `/${name}`
  return {
    url: url.href,
    async drop() {
      await adminQuery(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
    },
  }
}

/** Runs `sql` as the administrator, on the server's maintenance database. */
export async function adminQuery(sql: string): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString: serverUrl() })
  await client.connect()
  try {
    return await client.query(sql)
  } finally {
    await client.end()
  }
}

function serverUrl(): string {
  const url = process.env.TEST_DATABASE_URL
  if (!url) throw new Error('TEST_DATABASE_URL is not set. Run the tests with `npm test -- <files>`.')
  return url
}
