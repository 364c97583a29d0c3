/** How processes share one server: a lock for its start and its stop, and a note for each use of it. */
import { readdirSync, readlinkSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { randomToken } from '../core/crypto/random.js'
import { isRunning, processIdentity, waitFor } from './processes.js'

/** Longer than the slowest start, which recovers from a crash first. */
const lockTimeoutMs = 240_000

/**
 * Runs `work` while this call holds the lock `file`. A lock of a process that has ended is removed.
 *
 * The lock is a symbolic link to its holder's name. The system creates it with its content, even on a full disk.
 *
 * @throws Error if another process holds the lock for four minutes
 */
export async function withLock<T>(file: string, work: () => Promise<T>): Promise<T> {
  const holder = useName()
  if (!(await waitFor(() => takeLock(file, holder), lockTimeoutMs))) {
    throw new Error(`Process ${readLock(file)} holds ${file}. End it if it hangs.`)
  }
  try {
    return await work()
  } finally {
    if (readLock(file) === holder) rmSync(file, { force: true })
  }
}

function takeLock(file: string, holder: string): boolean {
  try {
    symlinkSync(holder, file)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    removeAbandonedLock(file)
    return false
  }
}

function removeAbandonedLock(file: string): void {
  const holder = readLock(file)
  if (holder === undefined || isRunning(holder)) return
  const aside = `${file}.${randomToken()}`
  try {
    renameSync(file, aside)
  } catch {
    return // another process was faster
  }
  // Another process may have taken the lock since it was read. Then the lock is put back.
  if (readLock(aside) === holder) rmSync(aside, { recursive: true })
  else renameSync(aside, file)
}

/** `undefined` if there is no lock, '' if the file is something else. */
function readLock(file: string): string | undefined {
  try {
    return readlinkSync(file)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? undefined : ''
  }
}

/**
 * Notes in the folder `users` that this process uses the server.
 *
 * @returns removes the note; `true` if no other process or call uses the server. Notes of ended processes do not count
 */
export function registerUse(users: string): () => boolean {
  const note = join(users, useName())
  writeFileSync(note, '', { mode: 0o600 })
  return () => {
    rmSync(note, { force: true })
    let inUse = false
    for (const name of readdirSync(users)) {
      if (isRunning(name)) inUse = true
      else rmSync(join(users, name), { force: true })
    }
    return !inUse
  }
}

function useName(): string {
  return `${processIdentity()}-${randomToken()}`
}
