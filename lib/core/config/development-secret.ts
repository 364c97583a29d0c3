import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { randomToken } from '../crypto/random.js'

/** Folder of everything that development keeps on this machine: the embedded database and this secret. Mode 0700. */
export const developmentFolder = '.identsphere'

/**
 * A secret for development without settings, made once and kept in `.identsphere/secret` (mode 0600), so that accounts
 * and sessions outlive a restart. Never used in production.
 */
export function developmentSecret(): string {
  mkdirSync(developmentFolder, { recursive: true, mode: 0o700 })
  writeFileSync(join(developmentFolder, '.gitignore'), '*\n') // nothing in it belongs into a repository
  const file = join(developmentFolder, 'secret')
  const draft = join(developmentFolder, `secret.${randomToken()}`)
  writeFileSync(draft, randomToken(), { flag: 'wx', mode: 0o600 })
  try {
    // A link either makes the whole file or finds one there, so that two processes starting at once agree.
    linkSync(draft, file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    rmSync(draft)
  }
  return readFileSync(file, 'utf8')
}
