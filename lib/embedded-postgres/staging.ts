import { createHash } from 'node:crypto'
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
import { basename, dirname, join, relative } from 'node:path'

/**
 * Copies the package's `native` folder (60 MB) to a place below `temporary` that every user can read, and creates the
 * links that npm packages cannot hold. The copy is shared by all later starts of this user.
 *
 * @returns the copy, e.g. `/tmp/identsphere-postgres-18.4.0-0-1b2c3d4e5f607182`
 * @throws Error where another user occupies the name, or there is no room
 */
export function stageBinaries(native: string, version: string, temporary: string): string {
  const user = process.getuid?.() ?? 0
  const content = fingerprint(native)
  const target = join(temporary, `identsphere-postgres-${version}-${user}-${content}`)
  if (isStaged(target, content)) return target

  const copy = mkdtempSync(join(temporary, 'identsphere-postgres-'))
  try {
    cpSync(native, copy, { recursive: true, verbatimSymlinks: true })
    for (const file of listFiles(copy)) chmodSync(join(copy, file.path), file.executable ? 0o755 : 0o644)
    for (const folder of listFolders(copy)) chmodSync(folder, 0o755)
    createLinks(copy)
    renameSync(copy, target)
  } catch (error) {
    rmSync(copy, { recursive: true, force: true })
    // Another start may have been faster: a folder that has files cannot be renamed over.
    if (!isStaged(target, content)) throw error
  }
  return target
}

/**
 * The temporary folder is open to everyone, so a copy counts only if it is ours, nobody else can write to it, and it is
 * complete: the system's cleaner removes old files one by one.
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

/** Paths and sizes of all files; links are left out, for the source may lack them. */
function fingerprint(root: string): string {
  const lines = listFiles(root).map((file) => `${file.path} ${file.size}`)
  return createHash('sha256').update(lines.sort().join('\n')).digest('hex').slice(0, 16)
}

function listFiles(root: string): { path: string; size: number; executable: boolean }[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' }).flatMap((path) => {
    const found = lstatSync(join(root, path))
    return found.isFile() ? [{ path, size: found.size, executable: (found.mode & 0o100) !== 0 }] : []
  })
}

function listFolders(root: string): string[] {
  const below = readdirSync(root, { recursive: true, encoding: 'utf8' }).map((path) => join(root, path))
  return [root, ...below.filter((path) => lstatSync(path).isDirectory())]
}

/** `pg-symlinks.json` names each link (`target`) and what it points to (`source`) below `native/`. */
function createLinks(native: string): void {
  const links = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')) as {
    source: string
    target: string
  }[]
  for (const { source, target } of links) {
    const link = join(native, relative('native', target))
    rmSync(link, { force: true })
    symlinkSync(dirname(source) === dirname(target) ? basename(source) : relative(dirname(target), source), link)
  }
}
