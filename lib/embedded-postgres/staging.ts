import {
  chmodSync,
  cpSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { sha256 } from '../core/crypto/digest.js'

/**
 * Copies the package's folder `native` (60 MB) below `temporary`, readable by every user, and creates the links that an npm
 * package cannot contain. Later starts of this user use the same copy.
 *
 * @returns the copy, such as `/tmp/identsphere-postgres-0-1b2c3d4e5f607182`
 * @throws Error if the name belongs to another user, or the disk is full
 */
export function stageBinaries(native: string, temporary: string): string {
  const content = fingerprint(native)
  const target = join(temporary, `identsphere-postgres-${process.getuid?.() ?? 0}-${content}`)
  if (isStaged(target, content)) return target
  const copy = mkdtempSync(join(temporary, 'identsphere-postgres-'))
  try {
    cpSync(native, copy, { recursive: true, verbatimSymlinks: true })
    for (const path of [copy, ...listPaths(copy)]) {
      const found = lstatSync(path)
      if (!found.isSymbolicLink()) chmodSync(path, (found.mode & 0o100) === 0 ? 0o644 : 0o755)
    }
    createLinks(copy)
    renameSync(copy, target)
  } catch (error) {
    rmSync(copy, { recursive: true, force: true })
    // Another start may have been faster. A folder that has files cannot be renamed over.
    if (!isStaged(target, content)) throw error
  }
  return target
}

/**
 * Every user can write to the temporary folder. A copy counts only if it is ours, no other user can write to it, and it is
 * complete: the system removes old files there one by one.
 */
function isStaged(target: string, content: string): boolean {
  const found = lstatSync(target, { throwIfNoEntry: false })
  if (found === undefined) return false
  const ours = process.getuid === undefined || found.uid === process.getuid()
  if (!found.isDirectory() || !ours || (found.mode & 0o022) !== 0) {
    throw new Error(`${target} is not ours. Delete it, or set TMPDIR to another folder.`)
  }
  if (fingerprint(target) === content) return true
  rmSync(target, { recursive: true, force: true })
  return false
}

/** Paths and sizes of all files. The package may lack the links. */
function fingerprint(root: string): string {
  const lines = listPaths(root).flatMap((path) => {
    const found = lstatSync(path)
    return found.isFile() ? [`${relative(root, path)} ${found.size}`] : []
  })
  return sha256(lines.sort().join('\n')).toString('hex').slice(0, 16)
}

function listPaths(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' }).map((path) => join(root, path))
}

/** `pg-symlinks.json` lists each link (`target`) and the file it leads to (`source`), both below `native/`. */
function createLinks(native: string): void {
  const links: Record<'source' | 'target', string>[] = JSON.parse(
    readFileSync(join(native, 'pg-symlinks.json'), 'utf8'),
  )
  for (const { source, target } of links) {
    const link = join(native, relative('native', target))
    rmSync(link, { force: true })
    symlinkSync(relative(dirname(target), source), link)
  }
}
