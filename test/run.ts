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
import { copyCluster, initializeCluster } from './support/cluster.js'
import { compiled, root } from './support/compiled.js'
import { planFor } from './support/plan.js'
import { keepTimes, reportTimes, timesOf } from './support/times.js'

/**
 * Seconds that a test file may take, so that no file holds up the others. A machine of CI is shared and slower than a developer's by a
 * factor that nobody knows, so it gets twice the time. IDENTSPHERE_TEST_BUDGET is for a machine that is busy with other work.
 */
const budgetSeconds = Number(process.env.IDENTSPHERE_TEST_BUDGET ?? (process.env.CI === 'true' ? 60 : 30))

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

function runTests(files: string[], url: string, times: string): Promise<number> {
  const plan = planFor(files, flags)
  const nodeArguments = [
    '--enable-source-maps',
    '--import',
    compiled('test/support/network-trap.ts'),
    '--import',
    compiled('test/support/stopwatch.ts'),
    `--test-timeout=${plan.timeoutMs}`,
    ...flags,
    compiled('test/support/run-process.ts'),
    JSON.stringify(plan),
  ]
  const environment = { ...process.env, TEST_DATABASE_URL: url, NODE_ENV: 'test', IDENTSPHERE_TEST_TIMES: times }
  return new Promise((done, failed) => {
    child = spawn(process.execPath, nodeArguments, { cwd: root, env: environment, stdio: 'inherit', detached: true })
    child.once('error', failed)
    child.once('exit', (code, signal) => done(code ?? 128 + (signal === null ? 0 : constants.signals[signal])))
    if (interrupted !== undefined) endTests(interrupted)
  })
}

/** @returns the exit code: that of the tests, or 1 for a file over its budget */
async function runAndMeasure(files: string[], url: string, folder: string): Promise<number> {
  const written = join(folder, 'times')
  const narrowed = flags.some((flag) => /^--test-(name-pattern|only)/.test(flag))
  const exitCode = await runTests(files, url, written)
  const times = timesOf(files, written)
  if (exitCode === 0 && !narrowed) keepTimes(times)
  return reportTimes(times, budgetSeconds) ? exitCode : exitCode || 1
}

async function main(): Promise<number> {
  const files = testFiles()
  if (files.length === 0) {
    console.error(`No test file matches ${wanted.join(' ') || '*.test.ts'}.`)
    return 1
  }
  const folder = mkdtempSync(join(tmpdir(), 'identsphere-test-'))
  try {
    await compileTests()
    const given = process.env.TEST_DATABASE_URL
    if (given) return await runAndMeasure(files, given, folder)
    const [cluster, directory] = [join(folder, 'cluster'), join(folder, 'postgres')]
    await initializeCluster(cluster)
    copyCluster(cluster, directory)
    process.env.IDENTSPHERE_TEST_CLUSTER = cluster
    const postgres = await startEmbeddedPostgres({ directory, durable: false, maxConnections: 300 })
    try {
      return await runAndMeasure(files, postgres.url, folder)
    } finally {
      await postgres.stop()
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const code = await main()
process.exit(interrupted === undefined ? code : 128 + constants.signals[interrupted])
