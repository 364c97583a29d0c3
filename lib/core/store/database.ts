import knexLibrary, { type Knex } from 'knex'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../embedded-postgres/launcher.js'
import { developmentPath } from '../config/development-folder.js'
import type { Logger } from '../config/logger.js'
import { connectWithQueryTimeout } from './query-timeout.js'
import { ReservedConnections } from './reserved-connections.js'
import { createStatementNames, type StatementNames } from './statement-names.js'

/** Connections to the one Postgres that holds everything. Nothing is opened before the first query. */
export interface Database {
  /** For everything but the session check: the host's own instance where it gave one. */
  readonly knex: Knex
  /** For the session check. */
  readonly reserved: ReservedConnections
  readonly statementNames: StatementNames
  /** Closes what IdentSphere opened, and nothing of the host's. */
  close(): Promise<void>
}

/** As many queries of the session check run at once. */
export const reservedConnections = 2
/** If the database takes longer, the answer is 503. */
const connectTimeoutMs = 2_000
const acquireTimeoutMs = 3_000
const queryTimeoutMs = 10_000

export function openDatabase(given: string | Knex, logger: Logger): Database {
  const statementNames = createStatementNames(logger)
  if (typeof given !== 'string') {
    const pool = knexLibrary({ ...given.client.config, pool: reservedPool(given.client.config.pool) })
    const reserved = new ReservedConnections(pool, statementNames)
    return { knex: given, reserved, statementNames, close: () => reserved.close() }
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
  const connectionWith = (settings: { query_timeout?: number }) => async () => ({
    connectionString: await url(),
    application_name: 'identsphere',
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    ...settings,
  })
  const config: Knex.Config = {
    client: 'pg',
    connection: connectionWith({ query_timeout: queryTimeoutMs }),
    acquireConnectionTimeout: given === 'embedded' ? 60_000 : acquireTimeoutMs,
    pool: { min: 0, max: 10 },
    // Errors are logged where they are answered, and without the values of the statement.
    compileSqlOnError: false,
    log: knexLog(logger),
  }
  const knex = connectWithQueryTimeout(config)
  // They have a deadline of their own.
  const reservedConfig = { ...config, connection: connectionWith({}), pool: reservedPool(config.pool) }
  const reserved = new ReservedConnections(knexLibrary(reservedConfig), statementNames)
  return {
    knex,
    reserved,
    statementNames,
    async close() {
      await Promise.all([knex.destroy(), reserved.close()])
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
