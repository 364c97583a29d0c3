import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'

/** What the operating system tells about a process. */
export interface ProcessFacts {
  /** Name of its program, such as `postgres`; a path on macOS. */
  name: string
  /** `Z` if it has ended and its parent has not collected it yet. */
  state: string
  /** Start time, in a unit of the system's own. */
  started: number
}

/**
 * Names a process as `<pid>-<start time>`. Numbers repeat soon in containers, where the application is often process 1.
 * The start time is 0 if it is unknown.
 */
export function processIdentity(pid = process.pid): string {
  return `${pid}-${inspect(pid)?.started ?? 0}`
}

/** Whether the process still runs that `identity` begins with. */
export function isRunning(identity: string): boolean {
  const [pid = 0, started = 0] = /^(\d+)-(\d+)/.exec(identity)?.slice(1).map(Number) ?? []
  return isAlive(pid) && (started === 0 || inspect(pid)?.started === started)
}

/** Whether a process with this number runs. A process that has ended does not count. */
export function isAlive(pid: number): boolean {
  return isTaken(pid) && !inspect(pid)?.state.startsWith('Z')
}

/** Whether a process has this number, even if it has ended and its parent has not collected it yet. */
export function isTaken(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** `undefined` if there is no such process, or neither `/proc` nor `ps`. */
export function inspect(pid: number): ProcessFacts | undefined {
  return existsSync('/proc/self/stat') ? factsFromProc(pid) : factsFromPs(pid)
}

/** Fields 2, 3 and 22 of `/proc/<pid>/stat`, see proc(5). The name may contain blanks and brackets. */
export function factsFromProc(pid: number): ProcessFacts | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const end = text.lastIndexOf(')')
    const fields = text.slice(end + 2).split(' ')
    return { name: text.slice(text.indexOf('(') + 1, end), state: fields[0] ?? '', started: Number(fields[19]) }
  } catch {
    return undefined
  }
}

/** macOS has no `/proc`. */
export function factsFromPs(pid: number): ProcessFacts | undefined {
  const { stdout } = spawnSync('ps', ['-o', 'state=,lstart=,comm=', '-p', String(pid)], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' },
  })
  const [, state = '', started = '', name = ''] =
    /^\s*(\S+)\s+(.*?\d\d:\d\d:\d\d \d{4})\s+(.*\S)/.exec(stdout ?? '') ?? []
  return name === '' ? undefined : { name, state, started: Date.parse(`${started} UTC`) }
}

const pollMs = 20

/** Asks again and again until the answer is true. @returns `false` after `timeoutMs` milliseconds */
export async function waitFor(isDone: () => boolean | undefined, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs
  while (!isDone()) {
    if (Date.now() > deadline) return false
    await setTimeout(pollMs)
  }
  return true
}
