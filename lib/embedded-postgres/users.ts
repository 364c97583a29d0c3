import { randomUUID } from 'node:crypto'
import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isRunning, processIdentity } from './process-identity.js'

/**
 * Notes in `folder` that this process uses the server. The last user to leave stops it; users that were killed do not
 * count.
 *
 * @returns `leave()`, which is true where nobody else is left
 */
export function registerUser(folder: string): () => boolean {
  const mine = `${processIdentity()}-${randomUUID()}`
  writeFileSync(join(folder, mine), '', { mode: 0o600 })
  return () => {
    rmSync(join(folder, mine), { force: true })
    return users(folder).length === 0
  }
}

function users(folder: string): string[] {
  return readdirSync(folder).filter((name) => {
    if (isRunning(name)) return true
    rmSync(join(folder, name), { force: true })
    return false
  })
}
