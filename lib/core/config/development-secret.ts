import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { randomToken } from '../crypto/random.js'
import { developmentPath } from './development-folder.js'

/**
 * A secret for development without settings, made once and kept in `.identsphere/secret` (mode 0600), so that accounts
 * and sessions outlive a restart. Never used in production.
 */
export function developmentSecret(): string {
  const file = developmentPath('secret')
  const draft = `${file}.${randomToken()}`
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
