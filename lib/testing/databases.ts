import knexLibrary, { type Knex } from 'knex'
import { migrations } from '../../migrations/index.js'
import { ConfigurationError } from '../core/config/configuration-error.js'
import { sha256 } from '../core/crypto/digest.js'
import { randomOctets } from '../core/crypto/random.js'
import { migrateDatabase } from '../core/store/migrate.js'
import { isRunning, processIdentity } from '../embedded-postgres/processes.js'

/** A database for one test instance. */
export interface OwnDatabase {
  readonly url: string
  /** Drops the database, also with open connections. */
  drop(): Promise<void>
}

/** Key of the advisory lock for creating the template. */
const templateLockKey = 7_355_608

/** The rest of the name identifies the process. */
const namePrefix = 'identsphere_test_'

/**
 * Creates a migrated database as a copy of a template.
 *
 * @param serverUrl any database on the server. Its user must be allowed to create databases
 * @throws ConfigurationError if the user is not allowed to
 */
export async function createDatabase(serverUrl: string, schema: string): Promise<OwnDatabase> {
  const name = `${namePrefix}${processIdentity().replace('-', '_')}_${randomOctets(8).toString('hex')}`
  await withServer(serverUrl, async (server) => {
    const template = await ensureTemplate(server, serverUrl, schema)
    await server.raw(`CREATE DATABASE ${name} TEMPLATE ${template}`)
    // The default search_path begins with "$user". A user named like our schema would create the host's tables in it.
    await server.raw(`ALTER DATABASE ${name} SET search_path = public`)
  })
  return {
    url: urlOf(serverUrl, name),
    drop: () => withServer(serverUrl, (server) => server.raw(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)),
  }
}

/** Drops databases of killed processes. Only for a server on this machine, because it checks whether the processes run. */
export async function dropAbandoned(serverUrl: string): Promise<void> {
  await withServer(serverUrl, async (server) => {
    const { rows } = await server.raw('SELECT datname AS name FROM pg_database WHERE starts_with(datname, ?)', [
      namePrefix,
    ])
    for (const { name } of rows as Array<{ name: string }>) {
      const [, pid, started] = /^identsphere_test_(\d+)_(\d+)_[0-9a-f]+$/.exec(name) ?? []
      if (pid === undefined || isRunning(`${pid}-${started}`)) continue
      await server.raw(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
    }
  })
}

/** Creates the template once per server, schema and set of migrations. Its name identifies these, so runs can share a server. */
async function ensureTemplate(server: Knex, serverUrl: string, schema: string): Promise<string> {
  const name = `identsphere_template_${fingerprint(schema)}`
  if (await exists(server, name)) return name
  const unfinished = `${name}_unfinished`
  // The transaction only holds the lock. Databases cannot be created inside a transaction.
  await server.transaction(async (trx) => {
    await trx.raw('SELECT pg_advisory_xact_lock(?)', [templateLockKey])
    if (await exists(server, name)) return
    await server.raw(`DROP DATABASE IF EXISTS ${unfinished} WITH (FORCE)`)
    await server.raw(`CREATE DATABASE ${unfinished} TEMPLATE template0`)
    await withServer(urlOf(serverUrl, unfinished), (database) => migrateDatabase(database, { schema }))
    await server.raw(`ALTER DATABASE ${unfinished} RENAME TO ${name}`)
  })
  return name
}

async function exists(server: Knex, name: string): Promise<boolean> {
  const { rows } = await server.raw('SELECT 1 FROM pg_database WHERE datname = ?', [name])
  return rows.length > 0
}

function fingerprint(schema: string): string {
  const steps = Object.entries(migrations).map(([name, { up }]) => `${name}\n${up}`)
  return sha256([schema, ...steps.sort()].join('\n'))
    .toString('hex')
    .slice(0, 16)
}

function urlOf(serverUrl: string, database: string): string {
  const url = new URL(serverUrl)
  url.pathname = `/${database}`
  return url.href
}

async function withServer<T>(url: string, work: (server: Knex) => Promise<T>): Promise<T> {
  const server = knexLibrary({ client: 'pg', connection: url, pool: { min: 0, max: 2 } })
  try {
    return await work(server)
  } catch (error) {
    if ((error as { code?: string }).code !== '42501') throw error
    throw new ConfigurationError(
      'TEST_DATABASE_URL (or DATABASE_URL)',
      'has a user who is not allowed to create databases',
      'Grant CREATEDB, or pass your own test database: createTestIdentSphere({ database }).',
    )
  } finally {
    await server.destroy()
  }
}
