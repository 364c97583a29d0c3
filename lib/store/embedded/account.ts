import { chownSync, statSync } from 'node:fs'

/** A user of the operating system. */
export interface Account {
  uid: number
  gid: number
}

export const root: Account = { uid: 0, gid: 0 }

/** Postgres refuses to run as root. As a number this user exists everywhere, and it owns no files that matter. */
export const nobody: Account = { uid: 65534, gid: 65534 }

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

/** Makes `account` the owner, if there is one. */
export function giveTo(account: Account | undefined, path: string): void {
  if (account !== undefined) chownSync(path, account.uid, account.gid)
}
