import { readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { Folder } from './folder.js'
import { inspect, isAlive, isTaken } from './process-identity.js'

/** What Postgres writes about itself into `postmaster.pid`. */
export interface Postmaster {
  pid: number
  port: number
  ready: boolean
}

const pollMilliseconds = 10
const stopMilliseconds = 30_000

/** The server that runs on this data, or undefined. */
export function findPostmaster(folder: Folder): Postmaster | undefined {
  const lines = readPidFile(folder)
  const pid = Number(lines?.[0])
  if (lines === undefined || !isAlive(pid) || !serves(pid, folder.data)) return undefined
  return { pid, port: Number(lines[3]), ready: lines[7]?.trim() === 'ready' }
}

/**
 * Removes a `postmaster.pid` at which Postgres would refuse to start: a killed server left it, and another process has
 * its number now, or a crash of the machine left no number in it. One that names no process stays, since Postgres finds
 * surviving children through it.
 */
export function forgetKilledPostmaster(folder: Folder): void {
  const lines = readPidFile(folder)
  if (lines === undefined || findPostmaster(folder) !== undefined) return
  const pid = Number(lines[0])
  if (isTaken(pid) || !Number.isSafeInteger(pid) || pid <= 0) rmSync(pidFile(folder), { force: true })
}

/** Sends the signal of a fast shutdown, if `pid` still is the server of this data. */
export function interruptPostmaster(folder: Folder, pid: number, signal: 'SIGINT' | 'SIGQUIT' = 'SIGINT'): void {
  if (findPostmaster(folder)?.pid === pid) process.kill(pid, signal)
}

/**
 * Fast shutdown: open transactions are rolled back, connections closed, everything written. Waits for the end; after
 * 30 seconds the server is made to quit, and recovers at its next start.
 *
 * @throws Error where it runs on regardless
 */
export async function stopPostmaster(folder: Folder, pid: number): Promise<void> {
  for (const signal of ['SIGINT', 'SIGQUIT'] as const) {
    interruptPostmaster(folder, pid, signal)
    if (await hasGone(folder, pid)) return
  }
  throw new Error(`Postgres (process ${pid}) does not stop.`)
}

/** Waits up to 30 seconds for the server to end. Its file goes first; the process may wait for a parent's collection. */
export async function hasGone(folder: Folder, pid: number): Promise<boolean> {
  const deadline = Date.now() + stopMilliseconds
  while (findPostmaster(folder)?.pid === pid) {
    if (Date.now() > deadline) return false
    await setTimeout(pollMilliseconds)
  }
  return true
}

/**
 * A postmaster stands in its data directory, which may have several paths. Where that cannot be seen, its program's name
 * decides; and where that cannot be seen either, it is taken for one.
 */
function serves(pid: number, data: string): boolean {
  try {
    const [cwd, own] = [statSync(`/proc/${pid}/cwd`), statSync(data)]
    return cwd.dev === own.dev && cwd.ino === own.ino
  } catch {
    return inspect(pid)?.name.includes('postgres') ?? true
  }
}

function pidFile(folder: Folder): string {
  return join(folder.data, 'postmaster.pid')
}

function readPidFile(folder: Folder): string[] | undefined {
  try {
    return readFileSync(pidFile(folder), 'utf8').split('\n')
  } catch {
    return undefined
  }
}
