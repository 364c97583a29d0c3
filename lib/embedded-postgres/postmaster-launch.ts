import { closeSync, openSync } from 'node:fs'
import { createServer } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { giveTo } from './account.js'
import type { Binaries } from './binaries.js'
import { EmbeddedPostgresError, lastLogLines } from './failure.js'
import type { Folder } from './folder.js'
import { findPostmaster, forgetKilledPostmaster, type Postmaster } from './postmaster.js'
import { spawnProgram } from './program.js'

/** How the server runs. */
export interface ServerSettings {
  /** false: a crash of the machine may lose the database. For tests. */
  durable: boolean
  maxConnections: number
}

const pollMilliseconds = 10
/** Recovery after a crash comes before the first connection. */
const readyMilliseconds = 120_000
const attempts = 5
/** Another program took the port in between, or children of a killed server are still ending. */
const passing = /could not bind|Address already in use|pre-existing shared memory/

/**
 * Starts Postgres on a free port of 127.0.0.1 and waits until it accepts connections.
 *
 * @throws Error where it ends or does not become ready
 */
export async function launchPostmaster(
  folder: Folder,
  binaries: Binaries,
  settings: ServerSettings,
  choosePort = freePort,
): Promise<Postmaster> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await launchOnce(folder, binaries, settings, await choosePort())
    } catch (error) {
      if (attempt === attempts || !passing.test(lastLogLines(folder.path))) throw error
      await setTimeout(attempt * 100)
    }
  }
}

async function launchOnce(
  folder: Folder,
  binaries: Binaries,
  settings: ServerSettings,
  port: number,
): Promise<Postmaster> {
  forgetKilledPostmaster(folder)
  // A file and not a pipe: the server may outlive this process.
  const log = openSync(folder.log, 'w', 0o600)
  giveTo(folder.owner, folder.log)
  const child = spawnProgram({
    command: binaries.postgres,
    account: folder.account,
    output: log,
    paths: [folder.data],
    arguments: (path = '') => ['-D', path, '-p', String(port), ...serverSettings(settings)],
  })
  closeSync(log)
  child.unref()
  let failure: Error | undefined
  child.once('error', (error) => {
    failure = error
  })
  child.once('exit', (code, signal) => {
    failure = new Error(`Postgres ended at once, with ${signal ?? `exit code ${code}`}.`)
  })
  const deadline = Date.now() + readyMilliseconds
  while (failure === undefined && Date.now() < deadline) {
    const found = findPostmaster(folder)
    if (found?.ready && found.pid === child.pid) return found
    await setTimeout(pollMilliseconds)
  }
  child.kill('SIGQUIT')
  throw failure ?? new Error(`Postgres was not ready after ${readyMilliseconds / 1000} seconds.`)
}

function serverSettings({ durable, maxConnections }: ServerSettings): string[] {
  const settings = [`max_connections=${maxConnections}`, 'listen_addresses=127.0.0.1', 'unix_socket_directories=']
  if (!durable) settings.push('fsync=off', 'full_page_writes=off', 'synchronous_commit=off')
  return settings.flatMap((setting) => ['-c', setting])
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error) => reject(new EmbeddedPostgresError(`No port of 127.0.0.1 is free: ${error.message}`)))
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}
