import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { findBinaries } from '../../lib/embedded-postgres/binaries.js'
import { serverUrl } from '../../lib/embedded-postgres/cluster.js'
import { giveTo, openFolder } from '../../lib/embedded-postgres/folder.js'
import { hasEnded, signalServer, startOnPort } from '../../lib/embedded-postgres/server.js'
import { createInitialized } from './cluster.js'
import { freePort } from './ports.js'

/** A Postgres of one test's own, which keeps its port and its data however often it is killed. */
export interface OwnPostgres {
  /** Its database `postgres`, as superuser. */
  readonly url: string
  start(): Promise<void>
  /** SIGKILL to the postmaster, as the kernel does when memory runs out. Resolves when its children have ended too. */
  kill(): Promise<void>
  /** Fast shutdown. */
  stop(): Promise<void>
  /** While it is stopped: makes it a standby, read-only until it is promoted. */
  becomeStandby(): void
  /** Stops it and deletes everything. */
  drop(): Promise<void>
}

const readyMilliseconds = 60_000

export async function createOwnPostgres(settings: readonly string[] = []): Promise<OwnPostgres> {
  const directory = mkdtempSync(join(tmpdir(), 'identsphere-own-'))
  await createInitialized(directory)
  const folder = openFolder(directory)
  const binaries = await findBinaries(folder.account)
  const port = await freePort('127.0.0.1')
  let pid = 0

  const own: OwnPostgres = {
    url: serverUrl(folder, port),
    async start() {
      // The children of a killed server end a little later, and nothing starts on its data before.
      const deadline = Date.now() + readyMilliseconds
      for (;;) {
        try {
          const server = await startOnPort(folder, binaries, ['fsync=off', 'max_connections=60', ...settings], port)
          pid = server.pid
          return
        } catch (error) {
          if (Date.now() > deadline) throw error
          await sleep(100)
        }
      }
    },
    async kill() {
      process.kill(pid, 'SIGKILL')
      await hasEnded(folder, pid)
      // Its children answer what they have been asked before they see that it is gone.
      while (processesIn(folder.data) > 0) await sleep(10)
    },
    async stop() {
      signalServer(folder, pid, 'SIGINT')
      await hasEnded(folder, pid)
    },
    becomeStandby() {
      const signal = join(folder.data, 'standby.signal')
      writeFileSync(signal, '')
      giveTo(folder.account, signal)
    },
    async drop() {
      process.off('exit', killAtExit)
      await own.stop()
      rmSync(folder.path, { recursive: true, force: true })
    },
  }
  const killAtExit = () => signalServer(folder, pid, 'SIGQUIT')
  process.once('exit', killAtExit)

  await own.start()
  return own
}

/** How many processes stand in a folder, as every process of a Postgres does in its data. */
function processesIn(folder: string): number {
  const own = statSync(folder)
  return readdirSync('/proc').filter((name) => {
    if (!/^\d+$/.test(name)) return false
    try {
      const cwd = statSync(`/proc/${name}/cwd`)
      return cwd.dev === own.dev && cwd.ino === own.ino
    } catch {
      return false // ended meanwhile
    }
  }).length
}
