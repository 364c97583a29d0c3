import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { EmbeddedPostgresError, logFile } from './failure.js'

/** A user of the operating system. */
export interface Account {
  uid: number
  gid: number
}

/** The folder of one embedded Postgres: its files, and the users they belong to. */
export interface Folder {
  path: string
  /** The database itself. Postgres demands mode 0700. */
  data: string
  /** Password of the superuser, mode 0600. */
  password: string
  log: string
  lock: string
  /** Contains an empty file for each use of the server. */
  users: string
  /** Owner of everything but the data. `undefined` for the current user. */
  owner: Account | undefined
  /** User that runs the server and owns the data. `undefined` for the current user. */
  account: Account | undefined
}

/** Postgres refuses to run as root. This number works without an entry in `/etc/passwd`, and owns no other files. */
const nobody: Account = { uid: 65534, gid: 65534 }

const ownFiles = /^(data|data-.*|password|server\.log|lock.*|users)$/

/**
 * Creates the folder with mode 0700, or checks that an existing folder is empty or ours.
 *
 * @throws EmbeddedPostgresError if it contains anything else
 */
export function openFolder(directory: string): Folder {
  mkdirSync(resolve(directory), { recursive: true, mode: 0o700 })
  const path = realpathSync(resolve(directory))
  const foreign = readdirSync(path).find((name) => !ownFiles.test(name))
  if (foreign !== undefined) {
    throw new EmbeddedPostgresError(
      `${path} cannot hold the embedded Postgres, because it contains ${foreign}. Choose another folder.`,
    )
  }
  const { uid, gid, mode } = statSync(path)
  if ((mode & 0o777) !== 0o700) chmodSync(path, 0o700)
  // Files that root creates in the folder of another user belong to that user, who may start it without root later.
  const owner = process.getuid?.() === 0 && uid !== 0 ? { uid, gid } : undefined
  const [data, users] = [join(path, 'data'), join(path, 'users')]
  mkdirSync(users, { recursive: true, mode: 0o700 })
  giveTo(owner, users)
  const files = { data, users, password: join(path, 'password'), log: logFile(path), lock: join(path, 'lock') }
  return { path, ...files, owner, account: serverAccount(owner, data) }
}

/** Makes `account` the owner of the file, if there is an account. */
export function giveTo(account: Account | undefined, path: string): void {
  if (account !== undefined) chownSync(path, account.uid, account.gid)
}

/** Under root, the server runs as the owner of existing data, else as the owner of the folder, else as `nobody`. */
function serverAccount(owner: Account | undefined, data: string): Account | undefined {
  if (process.getuid?.() !== 0) return undefined
  const existing = statSync(data, { throwIfNoEntry: false })
  if (existing !== undefined && existing.uid !== 0) return { uid: existing.uid, gid: existing.gid }
  return owner !== undefined && hasName(owner) ? owner : nobody
}

/** initdb needs a user with a name. The owner of a folder that is mounted into a container may have none. */
function hasName({ uid }: Account): boolean {
  try {
    return new RegExp(`^[^:]*:[^:]*:${uid}:`, 'm').test(readFileSync('/etc/passwd', 'utf8'))
  } catch {
    return false
  }
}
