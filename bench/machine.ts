import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { cpus, loadavg, totalmem } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'

const packages = ['express', 'jsonwebtoken', 'pg', 'knex', 'argon2', 'bcrypt', 'autocannon']

/** Machine and versions, as lines of the report. */
export async function describeMachine(databaseUrl: string): Promise<string[]> {
  const client = new pg.Client(databaseUrl)
  await client.connect()
  const { rows } = await client.query<{ version: string }>('SHOW server_version AS version').catch(() => ({ rows: [] }))
  const version = rows[0]?.version ?? (await client.query('SHOW server_version')).rows[0].server_version
  await client.end()
  const memory = Math.round(totalmem() / 2 ** 30)
  const load = loadavg()
    .map((value) => value.toFixed(1))
    .join(' ')
  return [
    `${new Date().toISOString()}, ${cpus().length} × ${cpus()[0]?.model.trim()}, ${memory} GiB, load ${load} before the start`,
    `Node ${process.versions.node}, OpenSSL ${process.versions.openssl}, Postgres ${version} on the same machine, fsync on`,
    packages.map((name) => `${name} ${versionOf(name)}`).join(', '),
  ]
}

function versionOf(name: string): string {
  for (const folder of createRequire(import.meta.url).resolve.paths(name) ?? []) {
    try {
      return (JSON.parse(readFileSync(join(folder, name, 'package.json'), 'utf8')) as { version: string }).version
    } catch {
      // not in this folder
    }
  }
  return 'unknown'
}
