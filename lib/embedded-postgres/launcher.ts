import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { type FindBinaries, findBinaries } from './binaries.js'
import { createCluster, dataVersion, serverUrl } from './cluster.js'
import { EmbeddedPostgresError, explainFailures } from './failure.js'
import { type Folder, openFolder } from './folder.js'
import { waitFor } from './processes.js'
import { findServer, type Server, signalServer, startServer, stopServer } from './server.js'
import { registerUse, withLock } from './sharing.js'

/** Where the embedded Postgres is and how it runs. */
export interface EmbeddedPostgresOptions {
  /** Its folder, such as `./.identsphere/postgres`. It is created with mode 0700 and may contain nothing else. */
  directory: string
  /** `false` switches fsync off, for tests: a crash of the machine may lose the database. Default `true`. */
  durable?: boolean
  /** Default 100. */
  maxConnections?: number
}

/** A Postgres that runs. */
export interface EmbeddedPostgres {
  /** `postgres://user:password@127.0.0.1:port/postgres`, of a superuser. */
  url: string
  /**
   * Stops the server, unless another process or another start in this process still uses it. Close your connections
   * first. Further calls do nothing.
   *
   * @throws EmbeddedPostgresError with the end of the server's log if it does not stop
   */
  stop(): Promise<void>
}

/** Time for a server of another process to become ready or to end. */
const joinTimeoutMs = 60_000

/**
 * Starts a real Postgres in a folder, for development, demonstrations and tests. If one runs there already, it is shared,
 * with the settings that it has. It listens on a free port of 127.0.0.1 only, with a random password. Under root it runs
 * as `nobody`.
 *
 * The last process to stop it, to exit or to get Ctrl-C ends the server. After `kill` it runs on, and the next start on
 * this folder uses it.
 *
 * Processes that share a folder must be on one machine or in one container: they know each other by process number.
 *
 * @throws EmbeddedPostgresError if no Postgres is installed, or it does not start; with the end of its log
 *
 * @example
 * ```ts
 * const postgres = await startEmbeddedPostgres({ directory: './.identsphere/postgres' })
 * const db = knex({ client: 'pg', connection: postgres.url })
 * // …
 * await db.destroy()
 * await postgres.stop()
 * ```
 */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
  find: FindBinaries = findBinaries,
): Promise<EmbeddedPostgres> {
  refusePlatform()
  return explainFailures(resolve(options.directory), async () => {
    const folder = openFolder(options.directory)
    return withLock(folder.lock, async () => {
      // Before the server starts: a disk that is too full for this note is too full for the server.
      const leave = registerUse(folder.users)
      try {
        const { pid, port } = (await runningServer(folder)) ?? (await launch(folder, options, find))
        return createHandle(folder, pid, serverUrl(folder, port), leave)
      } catch (error) {
        leave()
        throw error
      }
    })
  })
}

function refusePlatform(): void {
  if (process.platform === 'win32') {
    throw new EmbeddedPostgresError('The embedded Postgres does not run on Windows. Set DATABASE_URL to one that runs.')
  }
  if (process.getuid?.() === 0 && !existsSync('/proc/self/fd')) {
    throw new EmbeddedPostgresError(
      'Under root, the embedded Postgres needs /proc. Start as an ordinary user, or set DATABASE_URL to one that runs.',
    )
  }
}

/** The server that another process started on this folder; `undefined` if none runs. Waits for its start or its end. */
async function runningServer(folder: Folder): Promise<Server | undefined> {
  let server: Server | undefined
  const isSettled = () => {
    server = findServer(folder)
    return server === undefined || server.ready
  }
  if (await waitFor(isSettled, joinTimeoutMs)) return server
  throw new Error(
    `Postgres (process ${server?.pid}) neither starts nor stops. End it with \`kill -QUIT ${server?.pid}\`.`,
  )
}

async function launch(folder: Folder, options: EmbeddedPostgresOptions, find: FindBinaries): Promise<Server> {
  const { durable = true, maxConnections = 100 } = options
  const binaries = await find(folder.account, dataVersion(folder))
  await createCluster(folder, binaries, durable)
  const risky = durable ? [] : ['fsync=off', 'full_page_writes=off', 'synchronous_commit=off']
  return startServer(folder, binaries, [`max_connections=${maxConnections}`, ...risky])
}

function createHandle(folder: Folder, pid: number, url: string, leave: () => boolean): EmbeddedPostgres {
  // There is no time to wait at 'exit'. The server finishes its shutdown by itself.
  const atExit = () => {
    if (leave()) signalServer(folder, pid, 'SIGINT')
  }
  process.once('exit', atExit)
  const stop = () =>
    explainFailures(folder.path, () =>
      withLock(folder.lock, async () => {
        process.off('exit', atExit)
        if (leave()) await stopServer(folder, pid)
      }),
    )
  let stopped: Promise<void> | undefined
  return {
    url,
    stop() {
      stopped ??= stop()
      return stopped
    },
  }
}
