import { closeSync, mkdtempSync, openSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { giveTo } from '../../lib/embedded-postgres/account.js'
import { findBinaries } from '../../lib/embedded-postgres/binaries.js'
import { createCluster } from '../../lib/embedded-postgres/cluster.js'
import { ensureDatabase, serverUrl } from '../../lib/embedded-postgres/connect.js'
import { lastLogLines } from '../../lib/embedded-postgres/failure.js'
import { openFolder } from '../../lib/embedded-postgres/folder.js'
import { findPostmaster, forgetKilledPostmaster, hasGone } from '../../lib/embedded-postgres/postmaster.js'
import { spawnProgram } from '../../lib/embedded-postgres/program.js'
import { freePort } from './ports.js'

/** A Postgres of one test's own, which keeps its port and its data however often it is killed. */
export interface OwnPostgres {
  /** Its database `identsphere`, as superuser. */
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
  const folder = openFolder(mkdtempSync(join(tmpdir(), 'identsphere-own-')))
  const binaries = await findBinaries(folder.account)
  await createCluster(folder, binaries, false)
  const port = await freePort('127.0.0.1')
  const given = [
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'fsync=off',
    'max_connections=60',
    ...settings,
  ]
  let pid = 0

  async function startOnce(): Promise<boolean> {
    forgetKilledPostmaster(folder)
    const log = openSync(folder.log, 'w', 0o600)
    giveTo(folder.owner, folder.log)
    const child = spawnProgram({
      command: binaries.postgres,
      account: folder.account,
      output: log,
      paths: [folder.data],
      arguments: (path = '') => ['-D', path, '-p', String(port), ...given.flatMap((setting) => ['-c', setting])],
    })
    closeSync(log)
    child.unref()
    let ended = false
    child.once('exit', () => {
      ended = true
    })
    while (!ended) {
      const found = findPostmaster(folder)
      if (found?.pid === child.pid && found?.ready) {
        pid = found.pid
        return true
      }
      await sleep(10)
    }
    return false
  }

  const own: OwnPostgres = {
    url: serverUrl(folder, port),
    async start() {
      // The children of a killed server end a little later, and nothing starts on its data before.
      const deadline = Date.now() + readyMilliseconds
      while (!(await startOnce())) {
        if (Date.now() > deadline) throw new Error(`Postgres does not start:\n${lastLogLines(folder.path)}`)
        await sleep(100)
      }
    },
    async kill() {
      process.kill(pid, 'SIGKILL')
      await hasGone(folder, pid)
      // Its children answer what they have been asked before they see that it is gone.
      while (processesIn(folder.data) > 0) await sleep(10)
    },
    async stop() {
      if (findPostmaster(folder)?.pid !== pid) return
      process.kill(pid, 'SIGINT')
      await hasGone(folder, pid)
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
  const killAtExit = () => {
    if (findPostmaster(folder)?.pid === pid) process.kill(pid, 'SIGQUIT')
  }
  process.once('exit', killAtExit)

  await own.start()
  await ensureDatabase(folder, port)
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
