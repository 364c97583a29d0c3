import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './ports.js'

/** A PgBouncer that pools transactions in front of one database. */
export interface PgBouncer {
  /** The database, by way of the pooler. */
  readonly url: string
  stop(): Promise<void>
}

/** Debian puts it outside of the path of ordinary users. */
const program = process.env.PGBOUNCER ?? '/usr/sbin/pgbouncer'

/** Version of the installed PgBouncer as a number, such as 1.21; null if none is installed. */
export function pgBouncerVersion(): number | null {
  try {
    return Number(/^PgBouncer (\d+\.\d+)/m.exec(execFileSync(program, ['--version'], { encoding: 'utf8' }))?.[1])
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOENT') return null
    throw error
  }
}

/**
 * Starts it with so few connections to the server that clients share them.
 *
 * @param databaseUrl with user and password
 * @param settings lines of its configuration besides those of this file
 */
export async function startPgBouncer(databaseUrl: string, settings: readonly string[] = []): Promise<PgBouncer> {
  const { hostname, port, username, password, pathname } = new URL(databaseUrl)
  const folder = mkdtempSync(join(tmpdir(), 'identsphere-pgbouncer-'))
  const file = join(folder, 'pgbouncer.ini')
  const own = await freePort('127.0.0.1')
  const server = `host=${hostname} port=${port} dbname=${pathname.slice(1)} user=${username} password=${decodeURIComponent(password)}`
  writeFileSync(
    file,
    `[databases]
pooled = ${server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${own}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 3
${settings.join('\n')}
`,
  )
  // It does not run as root, and reads its configuration as the user it changes to.
  const isRoot = process.getuid?.() === 0
  if (isRoot) for (const path of [folder, file]) chmodSync(path, 0o755)
  const child = spawn(program, [...(isRoot ? ['-u', 'nobody'] : []), file], { stdio: ['ignore', 'ignore', 'pipe'] })
  let log = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text
  })
  try {
    await untilListening(own, child)
  } catch (cause) {
    throw new Error(`PgBouncer does not start:\n${log}`, { cause })
  }
  return {
    url: `postgres://anybody@127.0.0.1:${own}/pooled`,
    async stop() {
      const ended = once(child, 'exit')
      if (child.exitCode === null) {
        child.kill('SIGINT')
        await ended
      }
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function untilListening(port: number, child: ChildProcess): Promise<void> {
  while (child.exitCode === null) {
    const socket = createConnection(port, '127.0.0.1')
    try {
      await once(socket, 'connect')
      return
    } catch {
      // not yet
    } finally {
      socket.destroy()
    }
  }
  throw new Error(`it ended with ${child.exitCode}`)
}
