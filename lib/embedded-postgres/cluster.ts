import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { randomToken } from '../core/crypto/random.js'
import { type Binaries, spawnProgram } from './binaries.js'
import { EmbeddedPostgresError, isFull } from './failure.js'
import { type Folder, giveTo } from './folder.js'

const superuser = 'identsphere'

/**
 * `postgres://identsphere:<password>@127.0.0.1:<port>/postgres`
 *
 * @throws EmbeddedPostgresError if the password is missing
 */
export function serverUrl(folder: Folder, port: number): string {
  return `postgres://${superuser}:${readPassword(folder)}@127.0.0.1:${port}/postgres`
}

function readPassword({ path, password }: Folder): string {
  const value = existsSync(password) ? readFileSync(password, 'utf8').trim() : ''
  if (value !== '') return value
  throw new EmbeddedPostgresError(
    `${password} is missing or empty. Restore it, or delete ${path} to start with an empty database.`,
  )
}

/** The major version of Postgres that made the data; `undefined` if there is no data. */
export function dataVersion({ data }: Folder): number | undefined {
  return existsSync(data) ? Number(readFileSync(join(data, 'PG_VERSION'), 'utf8')) : undefined
}

/**
 * Creates the data if there is none. It is created in a folder beside its place, which is renamed when complete: a start
 * that was killed leaves nothing half made.
 *
 * @throws EmbeddedPostgresError if existing data lacks its password, or was made by another major version
 * @throws Error with initdb's output
 */
export async function createCluster(folder: Folder, binaries: Binaries, durable: boolean): Promise<void> {
  const version = dataVersion(folder)
  if (version !== undefined) {
    if (version !== binaries.major) throw new EmbeddedPostgresError(howToMove(folder, version, binaries))
    readPassword(folder)
    return
  }
  const leftovers = readdirSync(folder.path).filter((name) => name.startsWith('data-') || name === 'password')
  for (const name of leftovers) remove(join(folder.path, name))
  const data = mkdtempSync(join(folder.path, 'data-'))
  try {
    writeFileSync(folder.password, randomToken(), { mode: 0o600, flush: true })
    giveTo(folder.account, data)
    giveTo(folder.account, folder.password) // initdb reads it
    await runInitdb(folder, binaries, data, durable)
    if (isFull(folder.path)) throw new Error('No space left for tables after initdb.')
    if (folder.account !== undefined) giveTo(folder.owner ?? { uid: 0, gid: 0 }, folder.password)
    renameSync(data, folder.data)
  } catch (error) {
    remove(data)
    throw error
  }
}

/** The initdb of a start that was killed may still write to it. */
function remove(path: string): void {
  rmSync(path, { recursive: true, force: true, maxRetries: 10 })
}

async function runInitdb(folder: Folder, binaries: Binaries, data: string, durable: boolean): Promise<void> {
  const options = ['--username', superuser, '--auth=scram-sha-256', '--encoding=UTF8', '--no-instructions']
  // Case rules of Unicode that do not depend on the machine; before Postgres 17 those of the C library.
  if (binaries.major < 17) options.push('--locale=C.UTF-8')
  else options.push('--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8')
  if (!durable) options.push('--no-sync')
  const paths = [data, folder.password]
  const child = spawnProgram(binaries.initdb, folder.account, 'pipe', paths, (target, password) => {
    return ['-D', target, `--pwfile=${password}`, ...options]
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (output += chunk))
  const [code, signal] = await once(child, 'close')
  if (code === 0) return
  const failures = output.split('\n').filter((line) => /FATAL|PANIC|ERROR|HINT|error:|could not/.test(line))
  throw new Error(`initdb failed with ${signal ?? `exit code ${code}`}.\n${failures.join('\n') || output.trim()}`)
}

/** Postgres reads no data of another major version, older or newer. */
function howToMove({ path, data, password }: Folder, version: number, { postgres, major }: Binaries): string {
  const client = (program: string) =>
    `  PGPASSWORD=$(cat "${password}") ${program} -h 127.0.0.1 -p $(sed -n 4p "${data}/postmaster.pid") -U ${superuser} postgres`
  return `${data} was made by Postgres ${version}, and the one here (${postgres}) is Postgres ${major}. \
Install Postgres ${version} again, or delete ${path} to start with an empty database.
To move the data, install Postgres ${version}, start with it and run
${client('pg_dump --clean --if-exists')} > identsphere.sql
Then stop, delete ${path}, install Postgres ${major}, start with it and run
${client('psql')} < identsphere.sql`
}
