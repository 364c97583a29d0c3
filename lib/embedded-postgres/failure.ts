import { readFileSync, statfsSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** The embedded Postgres does not run. The message says what failed, where, and what to do. */
export class EmbeddedPostgresError extends Error {
  override name = 'EmbeddedPostgresError'
}

/** Less than one segment of the write-ahead log, without which Postgres does not go on. */
const fullBytes = 16 * 1024 * 1024

const diskFull = /ENOSPC|EDQUOT|EFBIG|No space left|quota exceeded|File too large|wrote only/i
/** Node answers ENOENT where a folder cannot be made on a read-only disk. */
const notOurs =
  /EACCES|EPERM|EROFS|ENOENT: .* mkdir|Permission denied|Operation not permitted|Read-only file system|wrong ownership/i

/**
 * Runs `work` on the folder `path`. What it throws is thrown on with the end of the server's log and the way out.
 *
 * @throws EmbeddedPostgresError
 */
export async function explainFailures<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw explained(path, error)
  }
}

function explained(path: string, error: unknown): EmbeddedPostgresError {
  if (error instanceof EmbeddedPostgresError) return error
  const reason = error instanceof Error ? error.message : String(error)
  const log = lastLogLines(path)
  const parts = [
    `The embedded Postgres in ${path} does not run: ${reason}`,
    remedy(path, `${reason}\n${log}`),
    log === '' ? undefined : `The last lines of ${logFile(path)}:\n${log}`,
  ]
  return new EmbeddedPostgresError(parts.filter((part) => part !== undefined).join('\n'), { cause: error })
}

function remedy(path: string, text: string): string | undefined {
  const free = freeBytes(path)
  if (diskFull.test(text) || free < fullBytes) {
    const megabytes = Number.isFinite(free) ? ` (${Math.floor(free / 1024 / 1024)} MB are free)` : ''
    return `The disk of ${path} is too full${megabytes}. Make room, at least 60 MB for a new database; what it holds is kept.`
  }
  if (notOurs.test(text)) {
    return (
      `${whoIsKeptOut(path)} Start from a folder that you may write to, make yourself the owner of this one ` +
      '(sudo chown -R), or set DATABASE_URL.'
    )
  }
  return undefined
}

/** Where the server writes its log. */
export function logFile(path: string): string {
  return join(path, 'server.log')
}

/** The end of the server's log; '' where there is none. */
export function lastLogLines(path: string): string {
  try {
    return readFileSync(logFile(path), 'utf8').trimEnd().split('\n').slice(-20).join('\n')
  } catch {
    return ''
  }
}

function freeBytes(path: string): number {
  try {
    const { bavail, bsize } = statfsSync(path)
    return bavail * bsize
  } catch {
    return Number.POSITIVE_INFINITY
  }
}

function whoIsKeptOut(path: string): string {
  const user = process.getuid?.()
  for (const place of [join(path, 'data'), path]) {
    const owner = ownerOf(place)
    if (owner !== undefined && owner !== user) return `User ${user} cannot use ${place}, which is user ${owner}'s.`
  }
  return `User ${user} cannot write to ${path}.`
}

function ownerOf(path: string): number | undefined {
  try {
    return statSync(path).uid
  } catch {
    return undefined
  }
}
