import { setTimeout } from 'node:timers/promises'
import pg from 'pg'
import { databaseName, readPassword } from './cluster.js'
import type { Folder } from './folder.js'
import { findPostmaster, type Postmaster } from './postmaster.js'

const retryMilliseconds = 20
const adoptMilliseconds = 60_000

/** SQLSTATE: the password is wrong; the database does not exist. */
const invalidPassword = '28P01'
const unknownDatabase = '3D000'

/** `postgres://identsphere:<password>@127.0.0.1:<port>/identsphere` */
export function serverUrl(folder: Folder, port: number, database = databaseName): string {
  return `postgres://${databaseName}:${readPassword(folder)}@127.0.0.1:${port}/${database}`
}

/**
 * The server that another process started on this folder, once it takes our password. One that is about to stop is
 * waited for.
 *
 * @returns undefined where none runs
 * @throws Error where it refuses us, or does not answer within a minute
 */
export async function adoptPostmaster(folder: Folder): Promise<Postmaster | undefined> {
  const deadline = Date.now() + adoptMilliseconds
  for (let found = findPostmaster(folder); found !== undefined; found = findPostmaster(folder)) {
    const failure = found.ready ? await ensureDatabase(folder, found.port).then(nothing, identity) : undefined
    if (found.ready && failure === undefined) return found
    if (sqlState(failure) === invalidPassword || Date.now() > deadline) {
      throw new Error(
        `Postgres (process ${found.pid}) runs there and does not let us in. End it with \`kill -INT ${found.pid}\`.`,
        { cause: failure },
      )
    }
    await setTimeout(retryMilliseconds)
  }
  return undefined
}

/** Creates the database `identsphere` where it is missing: its creation may have been cut off. */
export async function ensureDatabase(folder: Folder, port: number): Promise<void> {
  try {
    await query(serverUrl(folder, port), 'SELECT 1')
  } catch (error) {
    if (sqlState(error) !== unknownDatabase) throw error
    await query(serverUrl(folder, port, 'postgres'), `CREATE DATABASE ${databaseName}`)
  }
}

async function query(connectionString: string, sql: string): Promise<void> {
  // ssl is named because PGSSLMODE of the host's environment would count otherwise.
  const client = new pg.Client({ connectionString, ssl: false, connectionTimeoutMillis: 10_000 })
  client.on('error', nothing)
  try {
    await client.connect()
    await client.query(sql)
  } finally {
    await client.end().catch(nothing)
  }
}

function sqlState(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

function nothing(): undefined {}

function identity(error: unknown): unknown {
  return error
}
