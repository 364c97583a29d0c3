import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { randomToken } from '../core/crypto/random.js'
import { giveTo, root } from './account.js'
import type { Binaries } from './binaries.js'
import { EmbeddedPostgresError } from './failure.js'
import type { Folder } from './folder.js'
import { spawnProgram } from './program.js'

/** Name of the superuser and of the database. */
export const databaseName = 'identsphere'

/**
 * Runs initdb unless the data is there already. It works in a folder of its own that is renamed when complete, so that
 * a start that was killed leaves nothing half made.
 *
 * @throws Error with initdb's output
 */
export async function createCluster(folder: Folder, binaries: Binaries, durable: boolean): Promise<void> {
  if (existsSync(folder.data)) return
  for (const name of readdirSync(folder.path)) {
    if (name.startsWith('data-')) remove(join(folder.path, name))
  }
  const data = mkdtempSync(join(folder.path, 'data-'))
  try {
    createPassword(folder)
    giveTo(folder.account, data)
    giveTo(folder.account, folder.password) // initdb reads it
    await runInitdb(folder, binaries, data, durable)
    if (folder.account !== undefined) giveTo(folder.owner ?? root, folder.password)
    renameSync(data, folder.data)
  } catch (error) {
    remove(data)
    rmSync(folder.password, { force: true })
    throw error
  }
}

/** The initdb of a start that was killed may still be writing to it. */
function remove(data: string): void {
  rmSync(data, { recursive: true, force: true, maxRetries: 10 })
}

async function runInitdb(folder: Folder, binaries: Binaries, data: string, durable: boolean): Promise<void> {
  const access = ['--username', databaseName, '--auth=scram-sha-256', '--encoding=UTF8', '--no-instructions']
  const options = [...access, ...locale(binaries), ...(durable ? [] : ['--no-sync'])]
  const child = spawnProgram({
    command: binaries.initdb,
    account: folder.account,
    output: 'pipe',
    paths: [data, folder.password],
    arguments: (dataPath = '', passwordPath = '') => ['-D', dataPath, `--pwfile=${passwordPath}`, ...options],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (output += chunk))
  const [code, signal] = await once(child, 'close')
  if (code === 0) return
  const failures = output.split('\n').filter((line) => /FATAL|PANIC|ERROR|HINT|error:|could not/.test(line))
  throw new Error(`initdb failed with ${signal ?? `exit code ${code}`}.\n${failures.join('\n') || output.trim()}`)
}

/**
 * Postgres reads no data of another major version, older or newer.
 *
 * @throws EmbeddedPostgresError that names both
 */
export function checkVersion(folder: Folder, binaries: Binaries): void {
  const made = Number(readFileSync(join(folder.data, 'PG_VERSION'), 'utf8'))
  if (made === binaries.major) return
  throw new EmbeddedPostgresError(
    `${folder.data} was made by Postgres ${made}, and the one here (${binaries.postgres}) is Postgres ${binaries.major}. ` +
      `Install Postgres ${made} again, or delete ${folder.path} to start with an empty database.`,
  )
}

/** @throws EmbeddedPostgresError where the data is there and its password is not */
export function readPassword(folder: Folder): string {
  const password = existsSync(folder.password) ? readFileSync(folder.password, 'utf8').trim() : ''
  if (password !== '') return password
  throw new EmbeddedPostgresError(
    `${folder.password} is missing or empty. Restore it, or delete ${folder.path} to start with an empty database.`,
  )
}

function createPassword(folder: Folder): void {
  if (existsSync(folder.password)) return
  const fresh = `${folder.password}.new`
  writeFileSync(fresh, randomToken(), { mode: 0o600, flush: true })
  renameSync(fresh, folder.password)
}

/** Unicode case rules that do not depend on what the machine has installed; before Postgres 17 the libc's. */
function locale(binaries: Binaries): string[] {
  if (binaries.major < 17) return ['--locale=C.UTF-8']
  return ['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8']
}
