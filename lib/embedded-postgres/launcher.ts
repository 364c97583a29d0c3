import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { type FindBinaries, findBinaries } from './binaries.js'
import { checkVersion, createCluster } from './cluster.js'
import { adoptPostmaster, ensureDatabase, serverUrl } from './connect.js'
import { EmbeddedPostgresError, explainFailures } from './failure.js'
import { type Folder, openFolder } from './folder.js'
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
   * @throws EmbeddedPostgresError with the end of the server's log where it does not stop
   */
  stop(): Promise<void>
}

/**
 * Starts a real Postgres in a folder, for development, demonstrations and tests; or, where one runs there already,
 * shares it. It listens on 127.0.0.1 only, on a free port, with a random password. Under root it runs as `nobody`.
 *
 * A process that ends in the ordinary way takes the server along if it is its last user, and so does Ctrl-C, which the
 * terminal sends to both. After a `kill` the server runs on until the next start on this folder adopts it, with the
 * settings it has.
 *
 * Processes that share a folder must be on one machine, or in one container: they see each other by process number.
 *
 * @throws EmbeddedPostgresError where no Postgres is installed, or it does not start; with the end of its log
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
  const settings = { durable: options.durable ?? true, maxConnections: options.maxConnections ?? 100 }
  return explainFailures(resolve(options.directory), async () => {
    const folder = openFolder(options.directory)
    return withLock(folder.lock, async () => {
      // Before the server: a disk that is too full for this note is too full for it.
      const leave = registerUser(folder.users)
      try {
        const postmaster = (await adoptPostmaster(folder)) ?? (await launch(folder, settings, find))
        return handle(folder, postmaster, leave)
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
      'As root, the embedded Postgres needs /proc. Start as an ordinary user, or set DATABASE_URL to one that runs.',
    )
  }
}

async function launch(folder: Folder, settings: ServerSettings, find: FindBinaries): Promise<Postmaster> {
  const binaries = await find(folder.account)
  await createCluster(folder, binaries, settings.durable)
  checkVersion(folder, binaries)
  const postmaster = await launchPostmaster(folder, binaries, settings)
  try {
    await ensureDatabase(folder, postmaster.port)
  } catch (error) {
    await stopPostmaster(folder, postmaster.pid)
    throw error
  }
  return postmaster
}

function handle(folder: Folder, { pid, port }: Postmaster, leave: () => boolean): EmbeddedPostgres {
  // 'exit' leaves no time to wait: the server finishes its fast shutdown by itself.
  const atExit = () => {
    if (leave()) interruptPostmaster(folder, pid)
  }
  process.once('exit', atExit)
  const stop = () =>
    explainFailures(folder.path, () =>
      withLock(folder.lock, async () => {
        process.off('exit', atExit)
        if (leave()) await stopPostmaster(folder, pid)
      }),
    )
  let stopped: Promise<void> | undefined
  return {
    url: serverUrl(folder, port),
    stop() {
      stopped ??= stop()
      return stopped
    },
  }
}
