import { existsSync, readFileSync } from 'node:fs'

/**
 * Names a process so that a later one with the same number is not taken for it: `<pid>-<start time>`. Numbers repeat
 * soon in containers, where the application is often process 1. The start time is 0 where there is no `/proc`.
 */
export function processIdentity(pid = process.pid): string {
  return `${pid}-${procStat(pid)?.started ?? 0}`
}

/** Whether the process that `identity` names is still there. */
export function isRunning(identity: string): boolean {
  const [pid = 0, started = 0] = identity.split('-').map(Number)
  return isAlive(pid) && (started === 0 || procStat(pid)?.started === started)
}

/** Whether a process has this number. One that ended and waits to be collected by its parent does not count. */
export function isAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
  return procStat(pid)?.state !== 'Z'
}

/** Fields 3 and 22 of `/proc/<pid>/stat`, see proc(5). The second field is a name that may hold blanks and brackets. */
function procStat(pid: number): { state: string; started: number } | undefined {
  const file = `/proc/${pid}/stat`
  if (!existsSync(file)) return undefined
  try {
    const text = readFileSync(file, 'utf8')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return { state: fields[0] ?? '', started: Number(fields[19]) }
  } catch {
    return undefined // ended between the two calls
  }
}
