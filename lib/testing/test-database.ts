import type { Knex } from 'knex'
import { ConfigurationError } from '../core/config/configuration-error.js'
import { developmentPath } from '../core/config/development-folder.js'
import { startEmbeddedPostgres } from '../embedded-postgres/launcher.js'
import { createDatabase, dropAbandoned } from './databases.js'

/** Where the tables of one test instance are. */
export interface TestDatabase {
  readonly connection: string | Knex
  /** Made for this instance, already migrated, and gone with it. */
  readonly isOwn: boolean
  close(): Promise<void>
}

/**
 * The host's own database where it gave one; else a fresh one on the server of TEST_DATABASE_URL or DATABASE_URL, or on an
 * embedded Postgres, which parallel test processes share and the last of them stops.
 */
export async function openTestDatabase(
  given: string | Knex | undefined,
  schema: string,
  environment: NodeJS.ProcessEnv,
): Promise<TestDatabase> {
  if (given !== undefined && given !== 'embedded') {
    return { connection: given, isOwn: false, close: () => Promise.resolve() }
  }
  const serverUrl = given === undefined ? environment.TEST_DATABASE_URL || environment.DATABASE_URL : undefined
  if (serverUrl !== undefined && serverUrl !== '') {
    const { url, drop } = await createDatabase(serverUrl, schema)
    return { connection: url, isOwn: true, close: drop }
  }
  const directory = developmentPath('test-postgres')
  const postgres = await startEmbeddedPostgres({ directory, durable: false, maxConnections: 300 })
  try {
    await dropAbandoned(postgres.url)
    const { url, drop } = await createDatabase(postgres.url, schema)
    return { connection: url, isOwn: true, close: () => drop().finally(() => postgres.stop()) }
  } catch (error) {
    await postgres.stop()
    throw error
  }
}

/** `app_test`, `test`, `tests-3`, `testing`; not `latest` and not `contest`. */
const saysTest = /(?<![a-z])test(s|ing)?(?![a-z])/i

/** @throws ConfigurationError for a database that may hold more than tests left there: `reset()` empties tables */
export function assertForTests(databaseName: string, schema: string): void {
  if (saysTest.test(databaseName) || saysTest.test(schema)) return
  throw new ConfigurationError(
    'database',
    `is "${databaseName}" with the schema "${schema}", and neither name says that it is for tests`,
    'Tests sign anybody in and empty the tables, so give one whose name has the word test in it, such as app_test; ' +
      'or give none, and set TEST_DATABASE_URL to a server where a fresh one can be made.',
  )
}
