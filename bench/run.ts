/**
 * `npm run bench`: every case with every server in turn, on a Postgres and on servers of its own. Prints tables and writes
 * them to `bench/results/`, and with `--publish` to `docs/performance.md`.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runCases } from './cases/run-cases.js'
import { createChildren } from './children.js'
import { publish, toMarkdown } from './document.js'
import { describeMachine } from './machine.js'
import { findNode } from './node-versions.js'
import { entryOf, help, readOptions } from './options.js'
import { startPostgres } from './postgres.js'
import type { Results } from './results.js'
import { prepareSeeds } from './roster.js'
import { prepareSizes } from './seed/size.js'

if (process.argv.includes('--help')) {
  console.log(help)
  process.exit()
}
const options = readOptions(process.argv.slice(2))
/** `bench/`, seen from `bench/dist/`. */
const benchFolder = join(import.meta.dirname, '..')
const resultsFolder = join(benchFolder, 'results')
const resultsFile = join(resultsFolder, new Date().toISOString().replaceAll(/[:.]/g, '-'))
const entry = entryOf(join(benchFolder, '..'))
const nodes = await Promise.all(options.nodes.map(findNode))
mkdirSync(resultsFolder, { recursive: true })

const directory = mkdtempSync(join(tmpdir(), 'identsphere-bench-'))
const postgres = await startPostgres(directory)
const began = performance.now()
const seeding = createChildren(process.execPath)
let current = seeding
let isInterrupted = false
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    isInterrupted = true
    // What runs fails without its processes, and the end of this file then cleans up.
    void current.stopAll()
  })
}
try {
  const results: Results = {
    machine: describeMachine(entry, nodes, postgres.version),
    nodes: options.nodes.slice(),
    repetitions: options.repetitions,
    seconds: options.seconds,
    measured: [],
    started: [],
    enumeration: [],
    installed: [],
    soaked: [],
    failures: [],
  }
  console.log(results.machine.join('\n'))
  const withLibraries = options.cases.some((name) => ['guard', 'latency', 'start'].includes(name))
  const builds = { identsphere: entry, before: options.before }
  const seeds = await prepareSeeds(seeding, postgres, builds, withLibraries)
  const sizes = options.cases.includes('size')
    ? await prepareSizes(seeding, postgres, entry, seeds.keys, options.sessions)
    : []
  console.log(`The databases were filled in ${seconds()} s.`)
  for (const node of nodes) {
    if (isInterrupted) break
    const children = createChildren(node.execPath, options.profile ? resultsFolder : undefined)
    current = children
    try {
      await runCases({ node, options, children, postgres, seeds, sizes }, results, () => save(results))
    } finally {
      await children.stopAll()
    }
  }
  if (results.failures.length > 0) process.exitCode = 1
  else if (options.publish) publish(join(benchFolder, '../docs/performance.md'), toMarkdown(results))
  console.log(`\n${toMarkdown(results)}\nWritten to ${resultsFile}.md and .json after ${seconds()} s.`)
} finally {
  await seeding.stopAll()
  await postgres.stop()
  rmSync(directory, { recursive: true, force: true })
}

/** Called after every case, so that a run that is stopped leaves what it found. */
function save(results: Results): void {
  writeFileSync(`${resultsFile}.md`, toMarkdown(results))
  writeFileSync(`${resultsFile}.json`, JSON.stringify(results, null, 2))
}

function seconds(): number {
  return Math.round((performance.now() - began) / 1000)
}
