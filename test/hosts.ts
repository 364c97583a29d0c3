/**
 * Runs the HTTP tests on other hosts: `npm run test:hosts -- [--node 20,22] ['express4 mount=/x pool=1' …]`. Without
 * hosts, it uses a list that covers every pair of settings. Without versions, it uses the running Node.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { constants } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { parseHost } from './support/host.js'

const folders = [
  'core/http',
  'features/sessions',
  'features/passwords',
  'features/registration',
  'features/users',
  'features/personal-data',
].map((name) => `test/${name}`)

const everyPair = [
  'express5 mount=/ parser=before pool=1',
  'express5 mount=/identity parser=after pool=10',
  'express4 mount=/ parser=after pool=10',
  'express4 mount=/identity parser=before pool=1',
  'connect mount=/ parser=before pool=10',
  'connect mount=/identity parser=after pool=1',
]

interface Outcome {
  node: string
  host: string
  passed: number
  failed: number
  'do not apply': number
  seconds: number
}

const { values, positionals } = parseArgs({ options: { node: { type: 'string' } }, allowPositionals: true })
const hosts = positionals.length === 0 ? everyPair : positionals
for (const host of hosts) parseHost(host) // a misspelled host stops the run here instead of failing every test
const versions = values.node?.split(',') ?? [null]

let child: ChildProcess | undefined
let interrupted: NodeJS.Signals | undefined
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    interrupted = signal
    child?.kill(signal)
  })
}

function run(nodeArguments: string[], version: string | null, host: string): Promise<{ code: number; output: string }> {
  const [command = '', ...rest] =
    version === null
      ? [process.execPath, ...nodeArguments]
      : ['npx', '-y', '-p', `node@${version}`, 'node', ...nodeArguments]
  return new Promise((done, failed) => {
    child = spawn(command, rest, {
      cwd: join(import.meta.dirname, '..'),
      env: { ...process.env, IDENTSPHERE_TEST_HOST: host },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let output = ''
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
    child.once('error', failed)
    child.once('close', (code) => done({ code: code ?? 1, output }))
  })
}

async function testOn(version: string | null, host: string): Promise<Outcome> {
  const started = performance.now()
  const node = (await run(['--version'], version, host)).output.trim()
  const { code, output } = await run(['--import', 'tsx', 'test/run.ts', ...folders], version, host)
  const count = (what: string) => Number(new RegExp(`^ℹ ${what} (\\d+)$`, 'm').exec(output)?.[1] ?? 0)
  const outcome: Outcome = {
    node,
    host,
    passed: count('pass'),
    // A run that ends early has no counts and has failed.
    failed: Math.max(count('fail') + count('cancelled'), code === 0 ? 0 : 1),
    'do not apply': count('skipped'),
    seconds: Math.round((performance.now() - started) / 1000),
  }
  console.log(
    `${outcome.failed === 0 ? '✔' : '✖'} node ${node}, ${host}: ${outcome.passed} passed, ${outcome.failed} failed, ` +
      `${outcome['do not apply']} do not apply, ${outcome.seconds} s`,
  )
  for (const [, name, reason] of output.matchAll(/^\s*﹣ (.*) \([\d.]+ms\) # (.*)$/gm))
    console.log(`    ${name}: ${reason}`)
  if (outcome.failed > 0) console.log(output.slice(Math.max(output.indexOf('✖ failing tests:'), 0)))
  return outcome
}

const outcomes: Outcome[] = []
for (const version of versions) {
  for (const host of hosts) {
    if (interrupted === undefined) outcomes.push(await testOn(version, host))
  }
}
console.table(outcomes)
const good = outcomes.every(({ passed, failed }) => passed > 0 && failed === 0)
process.exitCode = interrupted === undefined ? (good ? 0 : 1) : 128 + constants.signals[interrupted]
