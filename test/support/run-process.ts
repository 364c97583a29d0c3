/**
 * Runs compiled test files, each in a process of its own. Started by `npm test`, which sends it a {@link TestRun} as an argument.
 * Flags of this process are flags of theirs.
 */
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { PassThrough, type Readable } from 'node:stream'
import { run } from 'node:test'
import * as reporters from 'node:test/reporters'
import { pathToFileURL } from 'node:url'

/** What to run, and how to tell. */
export interface TestRun {
  /** Files in the order in which they start, and how many run at once. Lanes run side by side. */
  lanes: ReadonlyArray<{ files: string[]; concurrency: number }>
  /** Milliseconds for one file. */
  timeoutMs: number
  /** For tests of these names only, if there are any. */
  namePatterns: string[]
  only: boolean
  /** A name of `node:test/reporters`, or a module; and a file, or undefined for stdout. */
  reports: ReadonlyArray<{ reporter: string; destination: string | undefined }>
}

/** The lines with which a run ends. Each lane has its own, and the report has their sums. */
const sums = new Map(['tests', 'suites', 'pass', 'fail', 'cancelled', 'skipped', 'todo'].map((name) => [name, 0]))

type Event = { type: string; data: { nesting?: number; message?: string; todo?: string | boolean } }

const testRun = JSON.parse(process.argv[2] ?? '') as TestRun
const started = performance.now()
const streams = testRun.lanes.map(({ files, concurrency }) =>
  run({
    files,
    concurrency,
    timeout: testRun.timeoutMs,
    ...(testRun.namePatterns.length > 0 && { testNamePatterns: testRun.namePatterns }),
    ...(testRun.only && { only: true }),
  }),
)

/** Lane after lane: reporters cannot tell files apart that report at the same time. */
async function* events(): AsyncGenerator<Event> {
  for (const stream of streams) {
    for await (const event of stream as AsyncIterable<Event>) {
      if (isSummary(event)) continue
      if (event.type === 'test:fail' && !event.data.todo) process.exitCode = 1
      yield event
    }
  }
  const lines = [...sums, ['duration_ms', Math.round(performance.now() - started)]]
  for (const line of lines) yield { type: 'test:diagnostic', data: { nesting: 0, message: line.join(' ') } }
}

function isSummary({ type, data }: Event): boolean {
  if (type === 'test:summary') return true
  if (type !== 'test:diagnostic' || data.nesting !== 0) return false
  const [, name = '', count] = /^(\w+) ([\d.]+)$/.exec(data.message ?? '') ?? []
  if (name === 'duration_ms') return true
  const sum = sums.get(name)
  if (sum === undefined) return false
  sums.set(name, sum + Number(count))
  return true
}

/** What `compose()` takes: a stream, where the reporter is a class, or a generator function. */
async function loadReporter(name: string): Promise<Readable> {
  const known = (reporters as unknown as Record<string, unknown>)[name]
  const reporter = known ?? (await import(name.startsWith('.') ? pathToFileURL(name).href : name)).default
  return Object.hasOwn(reporter.prototype ?? {}, 'constructor') ? new reporter() : reporter
}

const outlets = await Promise.all(
  testRun.reports.map(async ({ reporter, destination }) => {
    const source = new PassThrough({ objectMode: true })
    const outlet = source.compose<Readable>(await loadReporter(reporter))
    const target = destination === undefined ? process.stdout : createWriteStream(destination)
    outlet.pipe(target, { end: destination !== undefined })
    return { source, ended: once(outlet, 'end') }
  }),
)
for await (const event of events()) {
  for (const { source } of outlets) source.write(event)
}
for (const { source } of outlets) source.end()
await Promise.all(outlets.map(({ ended }) => ended))
