import { chmodSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigurationError } from './configuration-error.js'

const developmentFolder = '.identsphere'

/**
 * Path of a file or folder in `./.identsphere/`, which holds the embedded database and the secret of development. The folder
 * is created with mode 0700. An existing folder gets this mode too, because other users could replace its content.
 *
 * @throws ConfigurationError if the folder is open to others and belongs to another user
 */
export function developmentPath(name: string): string {
  mkdirSync(developmentFolder, { recursive: true, mode: 0o700 })
  const { mode, uid } = statSync(developmentFolder)
  try {
    if ((mode & 0o777) !== 0o700) chmodSync(developmentFolder, 0o700)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error
    throw new ConfigurationError(
      `the folder ${developmentFolder}`,
      `is open to other users and belongs to user ${uid}`,
      'Delete it, or run `sudo chown -R` on it.',
    )
  }
  writeFileSync(join(developmentFolder, '.gitignore'), '*\n')
  return join(developmentFolder, name)
}
