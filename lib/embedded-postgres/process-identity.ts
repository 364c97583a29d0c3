import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'

/** What the operating system tells about a process. */
export interface ProcessFacts {
  /** Of its program, e.g. `postgres`; a path on macOS. */
  name: string
  /** `Z` for one that ended and waits to be collected by its parent. */
  state: string
  /** Start time, in a unit of the system's own. */
  started: number
}

/**
 * Names a process so that a later one with the same number is not taken for it: `<pid>-<start time>`. Numbers repeat
 * soon in containers, where the application is often process 1. The start time is 0 where it cannot be known.
 */
export function processIdentity(pid = process.pid): string {
  return `${pid}-${inspect(pid)?.started ?? 0}`
}

/** Whether the process that `identity` names is still there. */
export function isRunning(identity: string): boolean {
  const [pid = 0, started = 0] = identity.split('-').map(Number)
  return isAlive(pid) && (started === 0 || inspect(pid)?.started === started)
}

/** Whether a process has this number. One that ended and waits to be collected by its parent does not count. */
export function isAlive(pid: number): boolean {
  return isTaken(pid) && !inspect(pid)?.state.startsWith('Z')
}

/** Whether this number is a process's, be it one that has ended. */
export function isTaken(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** undefined where there is no such process, or neither `/proc` nor `ps`. */
export function inspect(pid: number): ProcessFacts | undefined {
  return existsSync('/proc/self/stat') ? factsFromProc(pid) : factsFromPs(pid)
}

/** Fields 2, 3 and 22 of `/proc/<pid>/stat`, see proc(5). The name may hold blanks and brackets. */
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
  try {
    const text = execFileSync('ps', ['-o', 'state=,lstart=,comm=', '-p', String(pid)], {
      encoding: 'utf8',
      env: { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' },
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const [, state, started, name] = /^\s*(\S+)\s+(.*?\d\d:\d\d:\d\d \d{4})\s+(.*\S)/.exec(text) ?? []
    if (state === undefined || started === undefined || name === undefined) return undefined
    return { name, state, started: Date.parse(`${started} UTC`) }
  } catch {
    return undefined
  }
}
