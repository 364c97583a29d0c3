import knexLibrary, { type Knex } from 'knex'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../embedded-postgres/launcher.js'
import { developmentPath } from '../config/development-folder.js'
import type { Logger } from '../config/logger.js'
import { connectWithDeadlines } from './late-answers.js'

/** Connections to the one Postgres that holds everything. Nothing is opened before the first query. */
export interface Database {
  /** For everything but the session check: the host's own instance where it gave one. */
  readonly knex: Knex
  /** A few connections that only the session check uses, so that no slow query elsewhere can hold up the guards. */
  readonly reserved: Knex
  /** Closes what IdentSphere opened, and nothing of the host's. */
  close(): Promise<void>
}

const reservedConnections = 2
/** Milliseconds. A database that takes longer is answered for with 503. */
const connectTimeout = 2_000
const acquireTimeout = 3_000
const queryTimeout = 10_000

export function openDatabase(given: string | Knex, logger: Logger): Database {
  if (typeof given !== 'string') {
    const reserved = knexLibrary({ ...given.client.config, pool: reservedPool(given.client.config.pool) })
    return { knex: given, reserved, close: () => reserved.destroy() }
  }
  let embedded: Promise<EmbeddedPostgres> | undefined
  async function url(): Promise<string> {
    if (given !== 'embedded') return given as string
    embedded ??= startEmbedded(logger)
    embedded.catch(() => {
      embedded = undefined
    })
    return (await embedded).url
  }
  const config: Knex.Config = {
    client: 'pg',
    connection: async () => ({
      connectionString: await url(),
      application_name: 'identsphere',
      connectionTimeoutMillis: connectTimeout,
      query_timeout: queryTimeout,
      keepAlive: true,
    }),
    acquireConnectionTimeout: given === 'embedded' ? 60_000 : acquireTimeout,
    pool: { min: 0, max: 10 },
    // Errors are logged where they are answered, and without the values of the statement.
    compileSqlOnError: false,
    log: knexLog(logger),
  }
  const knex = connectWithDeadlines(config)
  const reserved = knexLibrary({ ...config, pool: reservedPool(config.pool) })
  return {
    knex,
    reserved,
    async close() {
      await Promise.all([knex.destroy(), reserved.destroy()])
      await (await embedded?.catch(() => undefined))?.stop()
    },
  }
}

function reservedPool(pool: Knex.PoolConfig | undefined): Knex.PoolConfig {
  return { ...pool, min: 0, max: reservedConnections }
}

/** Knex would write to the console, one line for every connection that fails. */
function knexLog(logger: Logger): Knex.Logger {
  const write = (message: unknown) => logger.debug({}, `knex: ${message}`)
  return {
    debug: write,
    warn: write,
    error: write,
    deprecate: (method, alternative) => write(`${method}, ${alternative}`),
  }
}

async function startEmbedded(logger: Logger): Promise<EmbeddedPostgres> {
  const directory = developmentPath('postgres')
  const postgres = await startEmbeddedPostgres({ directory })
  logger.info({ directory }, 'embedded Postgres is running')
  return postgres
}
