/**
 * `npm run bench [-- --quick] [-- --profile]`: every case in turn, interleaved, on a Postgres and on servers of its own, with the
 * load generator in another process. Prints one table and writes it to `bench/results/`. `--profile` adds CPU profiles.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEmbeddedPostgres } from '../lib/embedded-postgres/launcher.js'
import { enumerationCase } from './cases/enumeration.js'
import { guardCase } from './cases/guard.js'
import { loginCase } from './cases/login.js'
import { loginFloodCase } from './cases/login-flood.js'
import { refreshCase } from './cases/refresh.js'
import { startGenerator, startServer } from './children.js'
import { describeMachine } from './machine.js'
import type { Run } from './measure.js'
import { type Measured, table } from './report.js'
import { seed } from './seed.js'

const results = join(import.meta.dirname, 'results')
const quick = process.argv.includes('--quick')
const profile = process.argv.includes('--profile') ? results : undefined
const only = process.argv.find((argument) => argument.startsWith('--only='))?.slice('--only='.length)
mkdirSync(results, { recursive: true })

const directory = mkdtempSync(join(tmpdir(), 'identsphere-bench-'))
const postgres = await startEmbeddedPostgres({ directory, durable: true })
const stops: Array<() => Promise<void>> = []
try {
  const seeded = await seed(postgres.url)
  const generator = startGenerator()
  const started = async (name: string) => {
    const server = await startServer(name, seeded, profile)
    stops.push(server.stop)
    return server
  }
  stops.push(generator.stop)
  const servers = {
    express: await started('express'),
    naive: await started('naive'),
    identsphere: await started('identsphere'),
    mailing: await started('mailing'),
  }
  const run: Run = { seed: seeded, generator, repetitions: quick ? 3 : 5, seconds: quick ? 2 : 5, quick }

  const cases: Record<string, () => Promise<{ measured: Measured[]; notes?: string[] }>> = {
    guard: () => guardCase(run, servers),
    refresh: () => refreshCase(run, servers),
    login: () => loginCase(run, servers.identsphere),
    flood: () => loginFloodCase(run, servers.identsphere),
    enumeration: () => enumerationCase(run, servers),
  }
  const lines = [...(await describeMachine(postgres.url)), '']
  console.log(lines.join('\n'))
  const all: Measured[] = []
  for (const [name, measure] of Object.entries(cases)) {
    if (only !== undefined && only !== name) continue
    const { measured, notes = [] } = await measure()
    const text = [...table(measured), ...notes, '']
    console.log(text.join('\n'))
    lines.push(...text)
    all.push(...measured)
  }
  const file = join(results, `${new Date().toISOString().replaceAll(/[:.]/g, '-')}-node${process.versions.node}`)
  writeFileSync(`${file}.md`, lines.join('\n'))
  writeFileSync(`${file}.json`, JSON.stringify(all, null, 2))
  console.log(`written to ${file}.md and .json`)
} finally {
  for (const stop of stops) await stop()
  await postgres.stop()
  rmSync(directory, { recursive: true, force: true })
}
