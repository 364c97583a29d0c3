import { readFileSync, statfsSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** The embedded Postgres does not run. The message says what failed, where, and what to do. */
export class EmbeddedPostgresError extends Error {
  override name = 'EmbeddedPostgresError'
}

/** One segment of the write-ahead log. Postgres needs it to go on. */
const neededBytes = 16 * 1024 * 1024

const diskFull = /ENOSPC|EDQUOT|EFBIG|No space left|quota exceeded|File too large|wrote only/i
/** Node reports ENOENT if a folder cannot be created on a read-only disk. */
const accessDenied =
  /EACCES|EPERM|EROFS|ENOENT: .* mkdir|Permission denied|Operation not permitted|Read-only file system|wrong ownership/i

/**
 * Runs `work` on the folder `path`. Adds the remedy and the end of the server's log to its errors.
 *
 * @throws EmbeddedPostgresError
 */
export async function explainFailures<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof EmbeddedPostgresError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    const log = lastLogLines(path)
    const lines = [`The embedded Postgres in ${path} does not run: ${reason}`, remedyFor(path, `${reason}\n${log}`)]
    if (log !== '') lines.push(`The last lines of ${logFile(path)}:\n${log}`)
    throw new EmbeddedPostgresError(lines.filter(Boolean).join('\n'), { cause: error })
  }
}

/** The file of the server's log. */
export function logFile(path: string): string {
  return join(path, 'server.log')
}

/** The last 20 lines of the server's log; '' if there is none. */
export function lastLogLines(path: string): string {
  return tryTo(() => readFileSync(logFile(path), 'utf8').trimEnd().split('\n').slice(-20).join('\n')) ?? ''
}

/** Whether the disk has no room to go on. */
export function isFull(path: string): boolean {
  return freeBytes(path) < neededBytes
}

function freeBytes(path: string): number {
  const disk = tryTo(() => statfsSync(path))
  return disk === undefined ? Number.POSITIVE_INFINITY : disk.bavail * disk.bsize
}

function remedyFor(path: string, text: string): string {
  if (diskFull.test(text) || isFull(path)) {
    const megabytes = Math.floor(freeBytes(path) / 1024 / 1024)
    return `The disk of ${path} is too full (${megabytes} MB are free). Make room, at least 60 MB for a new database. Existing data is kept.`
  }
  if (!accessDenied.test(text)) return ''
  const user = process.getuid?.()
  const owners = [join(path, 'data'), path].map((place) => ({ place, uid: tryTo(() => statSync(place).uid) }))
  const foreign = owners.find(({ uid }) => uid !== undefined && uid !== user)
  const problem =
    foreign === undefined
      ? `User ${user} cannot write to ${path}.`
      : `User ${user} cannot use ${foreign.place}, which is user ${foreign.uid}'s.`
  return `${problem} Start in a folder that you can write to, run \`sudo chown -R\` on this one, or set DATABASE_URL.`
}

function tryTo<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
