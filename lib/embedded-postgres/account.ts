import { chownSync, readFileSync, statSync } from 'node:fs'

/** A user of the operating system. */
export interface Account {
  uid: number
  gid: number
}

/** Owner of what only root may touch. */
export const root: Account = { uid: 0, gid: 0 }

/** Postgres refuses to run as root. As a number this user exists everywhere, and it owns no files that matter. */
const nobody: Account = { uid: 65534, gid: 65534 }

/**
 * Under root, the user whose folder this is: whatever root makes in it is given to that user, who may go on without
 * root later.
 *
 * @returns undefined where that is root itself, or this process is not root
 */
export function otherOwner(directory: string): Account | undefined {
  if (process.getuid?.() !== 0) return undefined
  const { uid, gid } = statSync(directory)
  return uid === 0 ? undefined : { uid, gid }
}

/**
 * Under root, the user that the server runs as: the owner of existing data, else of the folder, else `nobody`. initdb
 * demands a user with a name, which the owner of a folder mounted into a container may lack.
 *
 * @returns undefined where the current user will do
 */
export function serverAccount(owner: Account | undefined, data: string): Account | undefined {
  if (process.getuid?.() !== 0) return undefined
  const existing = statSync(data, { throwIfNoEntry: false })
  if (existing !== undefined && existing.uid !== 0) return { uid: existing.uid, gid: existing.gid }
  return owner !== undefined && hasName(owner) ? owner : nobody
}

function hasName({ uid }: Account): boolean {
  try {
    return new RegExp(`^[^:]*:[^:]*:${uid}:`, 'm').test(readFileSync('/etc/passwd', 'utf8'))
  } catch {
    return false
  }
}

/** Makes `account` the owner, if there is one. */
export function giveTo(account: Account | undefined, path: string): void {
  if (account !== undefined) chownSync(path, account.uid, account.gid)
}
