import { chmodSync, mkdirSync, readdirSync, realpathSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type Account, giveTo, otherOwner, serverAccount } from './account.js'
import { EmbeddedPostgresError, logFile } from './failure.js'

/** What lies where in the folder of one embedded Postgres. */
export interface Folder {
  path: string
  /** The database itself. Postgres demands mode 0700. */
  data: string
  /** The superuser's password, mode 0600. */
  password: string
  log: string
  lock: string
  /** One empty file for every process that uses the server. */
  users: string
  /** Who owns the folder and all but the data; undefined for the current user. */
  owner: Account | undefined
  /**
   * Who runs the server and owns the data; undefined for the current user. In a folder of root's that is not root, and
   * has no way to anything but the data.
   */
  account: Account | undefined
}

const known = /^(data|data-.*|password.*|server\.log|lock.*|users)$/

/**
 * Creates the folder with mode 0700, or checks that an existing one is empty or ours.
 *
 * @throws EmbeddedPostgresError where it holds something else
 */
export function openFolder(directory: string): Folder {
  const wanted = resolve(directory)
  mkdirSync(wanted, { recursive: true, mode: 0o700 })
  const path = realpathSync(wanted)
  const stranger = readdirSync(path).find((name) => !known.test(name))
  if (stranger !== undefined) {
    throw new EmbeddedPostgresError(
      `${path} cannot hold the embedded Postgres: it has something else in it, ${stranger}. Choose another folder.`,
    )
  }
  const owner = otherOwner(path)
  if ((statSync(path).mode & 0o777) !== 0o700) chmodSync(path, 0o700)
  const data = join(path, 'data')
  const users = join(path, 'users')
  mkdirSync(users, { recursive: true, mode: 0o700 })
  giveTo(owner, users)
  return {
    path,
    data,
    password: join(path, 'password'),
    log: logFile(path),
    lock: join(path, 'lock'),
    users,
    owner,
    account: serverAccount(owner, data),
  }
}
