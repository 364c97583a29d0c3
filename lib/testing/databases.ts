import knexLibrary, { type Knex } from 'knex'
import { migrations } from '../../migrations/index.js'
import { ConfigurationError } from '../core/config/configuration-error.js'
import { sha256 } from '../core/crypto/digest.js'
import { randomOctets } from '../core/crypto/random.js'
import { migrateDatabase } from '../core/store/migrate.js'
import { isRunning, processIdentity } from '../embedded-postgres/processes.js'

/** A database that nobody else uses. */
export interface OwnDatabase {
  readonly url: string
  /** Drops it, open connections or not. */
  drop(): Promise<void>
}

/** Number of the advisory lock under which the template is made. */
const templateLock = 7_355_608

/** A copy of the template costs little; its name says which process it belongs to. */
const prefix = 'identsphere_test_'

/**
 * A fresh database with all migrations run.
 *
 * @param serverUrl a database on the server, of a user who may create others
 * @throws ConfigurationError where the user may not
 */
export async function createDatabase(serverUrl: string, schema: string): Promise<OwnDatabase> {
  const name = `${prefix}${processIdentity().replace('-', '_')}_${randomOctets(8).toString('hex')}`
  await withServer(serverUrl, async (server) => {
    const template = await ensureTemplate(server, serverUrl, schema)
    await server.raw(`CREATE DATABASE ${name} TEMPLATE ${template}`)
    // A user who is called like our schema would make the host's tables in it: the default path begins with "$user".
    await server.raw(`ALTER DATABASE ${name} SET search_path = public`)
  })
  return {
    url: urlOf(serverUrl, name),
    drop: () => withServer(serverUrl, (server) => server.raw(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)),
  }
}

/** Drops what processes left that were killed. For a server of this machine's alone: of others the processes cannot be seen. */
export async function dropAbandoned(serverUrl: string): Promise<void> {
  await withServer(serverUrl, async (server) => {
    const { rows } = await server.raw('SELECT datname AS name FROM pg_database WHERE starts_with(datname, ?)', [prefix])
    for (const { name } of rows as Array<{ name: string }>) {
      const [, pid, started] = /^identsphere_test_(\d+)_(\d+)_[0-9a-f]+$/.exec(name) ?? []
      if (pid === undefined || isRunning(`${pid}-${started}`)) continue
      await server.raw(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
    }
  })
}

/** Made once per server, schema and set of migrations; the name says which, so that a server may be used for many runs. */
async function ensureTemplate(server: Knex, serverUrl: string, schema: string): Promise<string> {
  const name = `identsphere_template_${fingerprint(schema)}`
  if (await exists(server, name)) return name
  const unfinished = `${name}_unfinished`
  // The transaction is there for its lock: databases are made outside of any.
  await server.transaction(async (trx) => {
    await trx.raw('SELECT pg_advisory_xact_lock(?)', [templateLock])
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
      'names a user who may not create databases',
      'Grant CREATEDB, or pass a database of your own for tests: createTestIdentSphere({ database }).',
    )
  } finally {
    await server.destroy()
  }
}
