import type { Knex } from 'knex'
import { ConfigurationError } from '../core/config/configuration-error.js'
import { developmentPath } from '../core/config/development-folder.js'
import { startEmbeddedPostgres } from '../embedded-postgres/launcher.js'
import { createDatabase, dropAbandoned } from './databases.js'

/** The database of one test instance. */
export interface TestDatabase {
  readonly connection: string | Knex
  /** True if the database was created for this instance. It is migrated, and dropped at the end. */
  readonly isOwn: boolean
  close(): Promise<void>
}

/**
 * Opens the host's own database, or creates a new one. The server is that of TEST_DATABASE_URL or DATABASE_URL, or else an
 * embedded Postgres. Parallel test processes share the embedded Postgres, and the last one stops it.
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

/** Matches `app_test`, `test`, `tests-3`, `testing`, but not `latest` and `contest`. */
const testName = /(?<![a-z])test(s|ing)?(?![a-z])/i

/** `reset()` empties tables. @throws ConfigurationError if neither database nor schema has a name for tests */
export function assertForTests(databaseName: string, schema: string): void {
  if (testName.test(databaseName) || testName.test(schema)) return
  throw new ConfigurationError(
    'database',
    `is "${databaseName}" with the schema "${schema}", and neither name contains the word test`,
    'Tests sign in as any user and empty the tables. Use a database such as app_test. ' +
      'Or leave the option out, and set TEST_DATABASE_URL to a server for new databases.',
  )
}
