import { once } from 'node:events'
import { closeSync, openSync, readFileSync, rmSync, statSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { type Binaries, spawnProgram } from './binaries.js'
import { lastLogLines } from './failure.js'
import { type Folder, giveTo } from './folder.js'
import { inspect, isAlive, isTaken, waitFor } from './processes.js'

/** What a server writes about itself into `postmaster.pid`. */
export interface Server {
  pid: number
  port: number
  /** Whether it accepts connections. */
  ready: boolean
}

/** Recovery after a crash comes before the first connection. */
const readyTimeoutMs = 120_000
const stopTimeoutMs = 30_000
const maxAttempts = 5
/** Another program took the port meanwhile, or children of a killed server are still ending. */
const worthAnotherAttempt = /could not bind|Address already in use|pre-existing shared memory/

/** The server that runs on this data, or `undefined`. */
export function findServer(folder: Folder): Server | undefined {
  const lines = readPidFile(folder)
  const pid = Number(lines?.[0])
  if (lines === undefined || !isAlive(pid) || !servesData(pid, folder.data)) return undefined
  return { pid, port: Number(lines[3]), ready: lines[7]?.trim() === 'ready' }
}

/**
 * Starts Postgres on a free port of 127.0.0.1.
 *
 * @param settings such as `max_connections=100`
 * @throws Error if it ends or does not become ready
 */
export async function startServer(
  folder: Folder,
  binaries: Binaries,
  settings: readonly string[],
  choosePort = freePort,
): Promise<Server> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await startOnPort(folder, binaries, settings, await choosePort())
    } catch (error) {
      if (attempt === maxAttempts || !worthAnotherAttempt.test(lastLogLines(folder.path))) throw error
      await setTimeout(attempt * 100)
    }
  }
}

/** Starts Postgres and waits until it accepts connections. @throws Error if it ends or does not become ready */
export async function startOnPort(
  folder: Folder,
  binaries: Binaries,
  settings: readonly string[],
  port: number,
): Promise<Server> {
  removeStalePidFile(folder)
  // A file and not a pipe: the server may outlive this process.
  const log = openSync(folder.log, 'w', 0o600)
  giveTo(folder.owner, folder.log)
  const all = [`port=${port}`, 'listen_addresses=127.0.0.1', 'unix_socket_directories=', ...settings]
  const child = spawnProgram(binaries.postgres, folder.account, log, [folder.data], (data) => {
    return ['-D', data, ...all.flatMap((setting) => ['-c', setting])]
  })
  closeSync(log)
  child.unref()
  let failure: Error | undefined
  child.once('error', (error) => {
    failure = error
  })
  child.once('exit', (code, signal) => {
    failure = new Error(`Postgres ended at once, with ${signal ?? `exit code ${code}`}.`)
  })
  const isReady = (server: Server | undefined) => server?.ready && server.pid === child.pid
  await waitFor(() => failure !== undefined || isReady(findServer(folder)), readyTimeoutMs)
  const server = findServer(folder)
  if (server !== undefined && isReady(server)) return server
  child.kill('SIGQUIT')
  throw failure ?? new Error(`Postgres was not ready after ${readyTimeoutMs / 1000} seconds.`)
}

/**
 * Sends a signal if `pid` is still the server of this data. `SIGINT` is a fast shutdown: it rolls back open transactions
 * and writes everything. `SIGQUIT` ends the server at once, and it recovers at its next start.
 */
export function signalServer(folder: Folder, pid: number, signal: 'SIGINT' | 'SIGQUIT'): void {
  if (findServer(folder)?.pid === pid) process.kill(pid, signal)
}

/**
 * Shuts the server down and waits until it has ended. After 30 seconds it is ended at once.
 *
 * @throws Error if it still runs after another 30 seconds
 */
export async function stopServer(folder: Folder, pid: number): Promise<void> {
  for (const signal of ['SIGINT', 'SIGQUIT'] as const) {
    signalServer(folder, pid, signal)
    if (await hasEnded(folder, pid)) return
  }
  throw new Error(`Postgres (process ${pid}) does not stop.`)
}

/** Waits up to 30 seconds for the end of the server. */
export function hasEnded(folder: Folder, pid: number): Promise<boolean> {
  return waitFor(() => findServer(folder)?.pid !== pid, stopTimeoutMs)
}

/**
 * Removes a `postmaster.pid` that would keep Postgres from starting: it contains no number, or another process has the
 * number of a killed server now. The number of no process stays: Postgres finds surviving children through it.
 */
function removeStalePidFile(folder: Folder): void {
  const lines = readPidFile(folder)
  if (lines === undefined || findServer(folder) !== undefined) return
  const pid = Number(lines[0])
  if (isTaken(pid) || !Number.isSafeInteger(pid) || pid <= 0) rmSync(pidFile(folder), { force: true })
}

/**
 * The data folder is the working directory of its server, even if it has several paths. If the system does not tell, the
 * program's name decides. If that is unknown too, the process counts as the server.
 */
function servesData(pid: number, data: string): boolean {
  try {
    const [working, own] = [statSync(`/proc/${pid}/cwd`), statSync(data)]
    return working.dev === own.dev && working.ino === own.ino
  } catch {
    return inspect(pid)?.name.includes('postgres') ?? true
  }
}

function readPidFile(folder: Folder): string[] | undefined {
  try {
    return readFileSync(pidFile(folder), 'utf8').split('\n')
  } catch {
    return undefined
  }
}

function pidFile(folder: Folder): string {
  return join(folder.data, 'postmaster.pid')
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  await once(probe.close(), 'close')
  return port
}
