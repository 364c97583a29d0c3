import { execFile } from 'node:child_process'
import { lstat, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** What a set of packages takes on disk, dependencies included. */
export interface Installed {
  name: string
  bytes: number
}

const run = promisify(execFile)

/** @see lstat(2), `st_blocks` */
const blockBytes = 512

/** Installs IdentSphere as users do, and what they would install instead. @param repository the folder to pack */
export async function installCase(repository: string): Promise<Installed[]> {
  const folder = await mkdtemp(join(tmpdir(), 'identsphere-install-'))
  try {
    // Without scripts: the build would take the files away that are being measured.
    const pack = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder]
    const { stdout } = await run('npm', pack, { cwd: repository })
    const [packed] = JSON.parse(stdout) as { filename: string }[]
    const tarball = join(folder, packed?.filename ?? '')
    const better = ['better-auth', 'express', 'pg']
    return [
      { name: 'IdentSphere', bytes: await installedBytes(join(folder, 'identsphere'), [tarball]) },
      { name: better.join(' + '), bytes: await installedBytes(join(folder, 'better-auth'), better) },
    ]
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function installedBytes(folder: string, packages: readonly string[]): Promise<number> {
  await mkdir(folder)
  await writeFile(join(folder, 'package.json'), '{"private":true}')
  await run('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', ...packages], { cwd: folder })
  const modules = join(folder, 'node_modules')
  const entries = await readdir(modules, { recursive: true, withFileTypes: true })
  const blocks = await Promise.all(
    entries.map(async (entry) => (await lstat(join(entry.parentPath, entry.name))).blocks),
  )
  return blockBytes * blocks.reduce((sum, count) => sum + count, 0)
}
