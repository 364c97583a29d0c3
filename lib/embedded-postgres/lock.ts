import { randomUUID } from 'node:crypto'
import { lstatSync, readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { isRunning, processIdentity } from './process-identity.js'

const retryMilliseconds = 20
/** Longer than any start takes: a lock this old belongs to a process that hangs. */
const staleMilliseconds = 180_000
const giveUpMilliseconds = 240_000

/**
 * Runs `work` while this process, and this call in it, alone holds `file`. A lock whose holder died is taken over.
 *
 * The lock is a symbolic link that points to its holder's name: it comes into being whole, also on a full disk.
 *
 * @throws Error after four minutes of waiting
 */
export async function withLock<T>(file: string, work: () => Promise<T>): Promise<T> {
  const mine = `${processIdentity()} ${randomUUID()}`
  const deadline = Date.now() + giveUpMilliseconds
  while (!take(file, mine)) {
    removeIfStale(file)
    if (Date.now() > deadline) throw new Error(`${file} is held by process ${read(file)}. Delete it if that one hangs.`)
    await setTimeout(retryMilliseconds)
  }
  try {
    return await work()
  } finally {
    if (read(file) === mine) rmSync(file, { force: true })
  }
}

function take(file: string, content: string): boolean {
  try {
    symlinkSync(content, file)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

function removeIfStale(file: string): void {
  const seen = read(file)
  if (seen === undefined || !isStale(file, seen)) return
  const aside = `${file}.${randomUUID()}`
  try {
    renameSync(file, aside)
  } catch {
    return // another process was faster
  }
  // It may have been taken over and taken anew since it was read: then it is given back.
  if (read(aside) !== seen) renameSync(aside, file)
  else rmSync(aside, { recursive: true })
}

function isStale(file: string, content: string): boolean {
  const age = Date.now() - (lstatSync(file, { throwIfNoEntry: false })?.mtimeMs ?? Date.now())
  return age > staleMilliseconds || !isRunning(content.split(' ')[0] ?? '')
}

/** '' for what is no lock of ours, undefined where there is none. */
function read(file: string): string | undefined {
  try {
    return readlinkSync(file)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? undefined : ''
  }
}
