import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { cpus, loadavg, release, totalmem, type } from 'node:os'
import { dirname, join } from 'node:path'
import type { NodeVersion } from './node-versions.js'

const ownPackages = ['express', 'pg', 'knex', 'jsonwebtoken', 'argon2']
const peerPackages = ['better-auth', 'passport', 'express-session', 'connect-pg-simple']

/** Machine and versions, as items of a list. @param entry the file `lib/index.js` of the present build */
export function describeMachine(entry: string, nodes: readonly NodeVersion[], postgresVersion: string): string[] {
  const memory = Math.round(totalmem() / 2 ** 30)
  const load = loadavg()
    .map((value) => value.toFixed(1))
    .join(' ')
  const versions = (names: string[], from: string) => names.map((name) => `${name} ${versionOf(name, from)}`).join(', ')
  return [
    `${new Date().toISOString().slice(0, 16)}Z, load ${load} before the start`,
    `${cpus().length} × ${cpus()[0]?.model.trim()}, ${memory} GiB, ${type()} ${release()}`,
    `Servers: Node ${nodes.map(({ version }) => version).join(' and ')}`,
    `Load generator: bench/load of this repository, keep-alive over raw sockets, one process on Node ${process.versions.node}`,
    `Postgres ${postgresVersion} on the same machine, over TCP, its default settings, fsync on`,
    versions(ownPackages, entry),
    versions(peerPackages, import.meta.filename),
  ]
}

function versionOf(name: string, from: string): string {
  for (const folder of createRequire(from).resolve.paths(name) ?? [dirname(from)]) {
    try {
      return (JSON.parse(readFileSync(join(folder, name, 'package.json'), 'utf8')) as { version: string }).version
    } catch {
      // It is not in this folder.
    }
  }
  return 'unknown'
}
