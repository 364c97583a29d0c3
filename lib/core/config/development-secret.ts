import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { randomToken } from '../crypto/random.js'
import { developmentPath } from './development-folder.js'

/**
 * The root secret for development without settings. It is created once and stored in `.identsphere/secret` (mode 0600), so that
 * sessions survive a restart. Production never uses it.
 */
export function developmentSecret(): string {
  const file = developmentPath('secret')
  const draft = `${file}.${randomToken()}`
  writeFileSync(draft, randomToken(), { flag: 'wx', mode: 0o600 })
  try {
    // `link` creates the complete file or fails if the file exists. So two processes that start together use the same secret.
    linkSync(draft, file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    rmSync(draft)
  }
  return readFileSync(file, 'utf8')
}
