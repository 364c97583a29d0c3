import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import pg from 'pg'
import { dropFileCache } from './file-cache.js'

type Launcher = typeof import('../lib/embedded-postgres/launcher.js')

/** What Postgres did so far. */
export interface Reading {
  /** Statements that clients of one database sent. */
  statements: number
  /** Processor time of each process, in milliseconds, by process id. */
  cpuMs: ReadonlyMap<number, number>
}

/** A Postgres of the benchmark's own, on loopback, with fsync on. */
export interface BenchPostgres {
  readonly version: string
  /** @returns the URL of a new, empty database */
  createDatabase(name: string): Promise<string>
  read(databaseUrl: string): Promise<Reading>
  /** Empties Postgres's cache of pages. With `fromDisk`, empties the system's file cache of one database too. */
  evict(databaseUrl: string, fromDisk: boolean): Promise<void>
  stop(): Promise<void>
}

const maxConnections = 300

export async function startPostgres(directory: string): Promise<BenchPostgres> {
  // The build of the benchmark puts it there.
  const file = pathToFileURL(join(import.meta.dirname, 'launcher.js')).href
  const { startEmbeddedPostgres } = (await import(file)) as Launcher
  const start = () => startEmbeddedPostgres({ directory, durable: true, maxConnections })
  const first = await start()
  await prepare(first.url)
  await first.stop()
  const postgres = await start()
  const admin = new pg.Client(postgres.url)
  await admin.connect()
  await admin.query('CREATE EXTENSION pg_stat_statements')
  await admin.query('CREATE EXTENSION pg_buffercache')
  const { rows } = await admin.query<{ server_version: string }>('SHOW server_version')

  return {
    version: rows[0]?.server_version ?? 'unknown',
    async createDatabase(name) {
      await admin.query(`CREATE DATABASE ${admin.escapeIdentifier(name)}`)
      const url = new URL(postgres.url)
      url.pathname = `/${name}`
      return url.href
    },
    read: (databaseUrl) => read(admin, nameOf(databaseUrl)),
    async evict(databaseUrl, fromDisk) {
      await admin.query('CHECKPOINT')
      await admin.query('SELECT * FROM pg_buffercache_evict_all()')
      if (!fromDisk) return
      // Once more, because the system keeps pages that are not written to disk.
      await admin.query('CHECKPOINT')
      await dropFileCache(await folderOf(admin, nameOf(databaseUrl)))
    },
    async stop() {
      await admin.end()
      await postgres.stop()
    },
  }
}

/** Settings that need a restart. */
async function prepare(url: string): Promise<void> {
  const client = new pg.Client(url)
  await client.connect()
  await client.query("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'")
  await client.end()
}

function nameOf(databaseUrl: string): string {
  return new URL(databaseUrl).pathname.slice(1)
}

/** The folder that holds the files of a database. Each process of Postgres works in the data folder. */
async function folderOf(admin: pg.Client, database: string): Promise<string> {
  const { rows } = await admin.query<{ folder: string }>(
    `SELECT '/proc/' || pg_backend_pid() || '/cwd/base/' || oid AS folder FROM pg_database WHERE datname = $1`,
    [database],
  )
  if (rows[0] === undefined) throw new Error(`there is no database ${database}`)
  return rows[0].folder
}

async function read(admin: pg.Client, database: string): Promise<Reading> {
  const { rows } = await admin.query<{ statements: number; pids: number[] }>(
    `SELECT
       (SELECT coalesce(sum(calls), 0)::float8 FROM pg_stat_statements(false) s
        JOIN pg_database d ON d.oid = s.dbid WHERE d.datname = $1) AS statements,
       (SELECT array_agg(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()) AS pids`,
    [database],
  )
  const { statements = 0, pids = [] } = rows[0] ?? {}
  return { statements, cpuMs: new Map(pids.map((pid) => [pid, processorMs(pid)])) }
}

/** @see proc(5), `/proc/pid/schedstat`: nanoseconds on a processor come first */
function processorMs(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6
  } catch {
    return 0 // it has ended
  }
}

/** Processor milliseconds between two readings. Processes that ended in between do not count. */
export function cpuBetween(before: Reading, after: Reading): number {
  let sum = 0
  for (const [pid, ms] of after.cpuMs) sum += Math.max(0, ms - (before.cpuMs.get(pid) ?? 0))
  return sum
}
