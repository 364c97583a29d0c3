import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, afterEach } from 'node:test'
import pg from 'pg'
import type { FindBinaries } from '../../lib/embedded-postgres/binaries.js'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../lib/embedded-postgres/launcher.js'
import { createInitialized } from '../support/cluster.js'
import { buildFolder } from '../support/compiled.js'

export const isRoot = process.getuid?.() === 0
/** The user that runs the server under root. */
export const nobody = 65534

/** Mode 0700, owned by the current user: like a project in a closed home. */
export const home = realpathSync(mkdtempSync(join(tmpdir(), 'identsphere-embedded-')))

/** For tests of a running server only. */
export const shared = join(home, 'shared/.identsphere/postgres')

/** Call it in front of tests that use {@link shared}. */
export const prepareShared = () => createInitialized(shared)

const started: EmbeddedPostgres[] = []
const children: ChildProcess[] = []
const clients: pg.Client[] = []
const last: (() => void)[] = []
let folders = 0

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.end()))
  for (const child of children.splice(0)) {
    child.kill('SIGKILL')
    await ended(child) // else it still counts as a user of the server
  }
  for (const postgres of started.splice(0).reverse()) await postgres.stop()
})
after(() => {
  for (const work of last) work()
  rmSync(home, { recursive: true, force: true })
})

/** Runs `work` when all servers have stopped, before `home` is removed. */
export function beforeRemoval(work: () => void): void {
  last.push(work)
}

export function freshDirectory(): string {
  folders += 1
  return join(home, `project-${folders}/.identsphere/postgres`)
}

/** A folder with data that initdb made and no server used. */
export async function initializedDirectory(): Promise<string> {
  const directory = freshDirectory()
  await createInitialized(directory)
  return directory
}

export async function start(directory: string, find?: FindBinaries): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres({ directory, durable: false }, find)
  started.push(postgres)
  return postgres
}

export async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  clients.push(client)
  return client
}

/** Start time of the server: differs between two runs. */
export async function bornAt(url: string): Promise<string> {
  const { rows } = await (await connect(url)).query('SELECT pg_postmaster_start_time()::text AS born')
  return rows[0].born
}

/** How another process starts Postgres. */
export interface Elsewhere {
  /** Code that runs after the start. Default: the process stays. */
  last?: string
  /** Command that starts the process, such as `setpriv`. */
  through?: string[]
  /** Its temporary folder. */
  temporary?: string
  /** The folder whose compiled `lib` is used. Default: that of the tests. */
  from?: string
}

/** A process that starts Postgres, prints its URL or the error, and then runs `last`. */
export function spawnStart(
  directory: string,
  elsewhere: Elsewhere = {},
): { child: ChildProcess; line: Promise<string> } {
  const from = elsewhere.from ?? buildFolder
  const program = `
    const { startEmbeddedPostgres } = await import(${JSON.stringify(join(from, 'lib/embedded-postgres/launcher.js'))})
    process.env.TMPDIR = ${JSON.stringify(elsewhere.temporary ?? tmpdir())}
    const starting = startEmbeddedPostgres({ directory: ${JSON.stringify(directory)}, durable: false })
    const postgres = await starting.catch((error) => {
      console.log(error.name + ': ' + error.message.replaceAll('\\n', ' '))
      process.exit(1)
    })
    console.log(postgres.url)
    ${elsewhere.last ?? 'process.stdin.resume()'}`
  const command = [...(elsewhere.through ?? []), process.execPath]
  const child = spawn(command[0] ?? '', [...command.slice(1), '--input-type=module', '--eval', program], {
    cwd: from,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  children.push(child)
  const output = createInterface(child.stdout)
  const line = new Promise<string>((resolve, reject) => {
    output.once('line', resolve)
    output.once('close', () => reject(new Error('It ended without a line.')))
  })
  line.catch(() => {}) // not every caller waits for it
  return { child, line }
}

export async function startElsewhere(directory: string, last?: string): Promise<[ChildProcess, string]> {
  const { child, line } = spawnStart(directory, last === undefined ? {} : { last })
  return [child, await line]
}

export async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}
