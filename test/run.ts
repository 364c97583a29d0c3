/**
 * Runs the tests on one Postgres: `npm test -- [files, folders or globs] [--flags for node]`. Uses TEST_DATABASE_URL, of
 * a user who may create databases, if it is set. Otherwise starts a throw-away server and deletes it at the end.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { startEmbeddedPostgres } from '../lib/embedded-postgres/launcher.js'
import { compileTests } from './compile.js'
import { compiled, root } from './support/compiled.js'
import type { TestRun } from './support/run-process.js'

const flags = process.argv.slice(2).filter((argument) => argument.startsWith('--'))
const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith('--'))

let child: ChildProcess | undefined
let interrupted: 'SIGINT' | 'SIGTERM' | 'SIGHUP' | undefined
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    interrupted = signal
    endTests(signal)
  })
}

/** The tests are a process group of their own, so that a test file's own children end with it. */
function endTests(signal: NodeJS.Signals): void {
  try {
    if (child?.pid !== undefined) process.kill(-child.pid, signal)
  } catch {
    // ended already
  }
}

/** Node 20 knows no globs: `*` is one level, `**` any number. */
function testFiles(): string[] {
  const all = ['test', 'examples']
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((path) => join(folder, path)),
    )
    .filter((path) => path.endsWith('.test.ts'))
    .sort()
  if (wanted.length === 0) return all
  const files = wanted.flatMap((argument) => {
    const path = relative(root, resolve(argument))
    if (statSync(path, { throwIfNoEntry: false })?.isFile()) return [path]
    const pattern = path
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replace(/\*\*\/|\*/g, (s) => (s === '*' ? '[^/]*' : '(.*/)?'))
    return all.filter((file) => new RegExp(`^${pattern}(/.*)?$`).test(file))
  })
  return [...new Set(files)]
}

/** Values of a flag, and whether it is there without one. The flags that the runner itself takes are not flags of its process. */
function takeFlag(name: string): string[] {
  const found = flags.filter((flag) => flag === name || flag.startsWith(`${name}=`))
  for (const flag of found) flags.splice(flags.indexOf(flag), 1)
  return found.map((flag) => flag.slice(name.length + 1))
}

function planFor(files: string[]): TestRun {
  const [concurrency = '2'] = takeFlag('--test-concurrency')
  // A file that never ends is a failure that has a name.
  const [timeout = '300000'] = takeFlag('--test-timeout')
  const reporters = takeFlag('--test-reporter')
  const destinations = takeFlag('--test-reporter-destination')
  return {
    lanes: [{ files: files.map(compiled), concurrency: Number(concurrency) }],
    timeoutMs: Number(timeout),
    namePatterns: takeFlag('--test-name-pattern'),
    only: takeFlag('--test-only').length > 0,
    reports: (reporters.length === 0 ? ['spec'] : reporters).map((reporter, index) => ({
      reporter,
      destination: destinations[index],
    })),
  }
}

function runTests(files: string[], url: string): Promise<number> {
  const plan = planFor(files)
  const nodeArguments = [
    '--enable-source-maps',
    '--import',
    compiled('test/support/network-trap.ts'),
    `--test-timeout=${plan.timeoutMs}`,
    ...flags,
    compiled('test/support/run-process.ts'),
    JSON.stringify(plan),
  ]
  const environment = { ...process.env, TEST_DATABASE_URL: url, NODE_ENV: 'test' }
  return new Promise((done, failed) => {
    child = spawn(process.execPath, nodeArguments, { cwd: root, env: environment, stdio: 'inherit', detached: true })
    child.once('error', failed)
    child.once('exit', (code, signal) => done(code ?? 128 + (signal === null ? 0 : constants.signals[signal])))
    if (interrupted !== undefined) endTests(interrupted)
  })
}

async function main(): Promise<number> {
  const files = testFiles()
  if (files.length === 0) {
    console.error(`No test file matches ${wanted.join(' ') || '*.test.ts'}.`)
    return 1
  }
  const compiling = compileTests()
  compiling.catch(() => {}) // thrown below
  const given = process.env.TEST_DATABASE_URL
  if (given) {
    await compiling
    return runTests(files, given)
  }
  const directory = mkdtempSync(join(tmpdir(), 'identsphere-test-'))
  try {
    const postgres = await startEmbeddedPostgres({ directory, durable: false, maxConnections: 300 })
    try {
      await compiling
      return await runTests(files, postgres.url)
    } finally {
      await postgres.stop()
    }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

const code = await main()
process.exit(interrupted === undefined ? code : 128 + constants.signals[interrupted])
