/** Without settings, test processes share an embedded Postgres that starts and stops by itself. */
import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, describe, it } from 'node:test'
import pg from 'pg'
import { compiled } from '../support/compiled.js'

interface Tester {
  databaseUrl: string
  process: ChildProcess
  close(): Promise<number | null>
}

let folder: string
before(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'identsphere-testing-')))
})
after(() => rmSync(folder, { recursive: true, force: true }))

const started: Tester[] = []
afterEach(async () => {
  for (const tester of started.splice(0)) await tester.close()
})

/** A test process of a host in an empty folder, with an almost empty environment. */
async function startTester(): Promise<Tester> {
  const child = fork(compiled('test/support/testing-process.ts'), {
    cwd: folder,
    env: { PATH: process.env.PATH, HOME: process.env.HOME },
    execArgv: [],
  })
  const ended = once(child, 'exit')
  const [message] = await Promise.race([once(child, 'message'), ended])
  assert.ok(message?.databaseUrl, `the process ended with ${message}`)
  const tester: Tester = {
    databaseUrl: message.databaseUrl,
    process: child,
    async close() {
      if (child.connected) child.send('close')
      const [code] = await ended
      return code
    },
  }
  started.push(tester)
  return tester
}

const serverOf = ({ databaseUrl }: Tester) => new URL(databaseUrl).host
const nameOf = ({ databaseUrl }: Tester) => new URL(databaseUrl).pathname.slice(1)

async function databasesOf(tester: Tester): Promise<string[]> {
  const client = new pg.Client({ connectionString: tester.databaseUrl })
  await client.connect()
  try {
    const { rows } = await client.query("SELECT datname FROM pg_database WHERE datname LIKE 'identsphere_test_%'")
    return rows.map(({ datname }) => datname).sort()
  } finally {
    await client.end()
  }
}

async function isListening({ databaseUrl }: Tester): Promise<boolean> {
  const client = new pg.Client({ connectionString: databaseUrl })
  return client.connect().then(
    () => client.end().then(() => true),
    (error: { code?: string }) => error.code !== 'ECONNREFUSED',
  )
}

describe('the embedded Postgres', () => {
  it('serves parallel test processes with separate databases, and stops with the last', async () => {
    const [one, other] = await Promise.all([startTester(), startTester()])
    assert.equal(serverOf(one), serverOf(other))
    assert.deepEqual(await databasesOf(one), [nameOf(one), nameOf(other)].sort())

    assert.equal(await one.close(), 0)
    assert.deepEqual(await databasesOf(other), [nameOf(other)])
    assert.equal(await other.close(), 0)
    assert.equal(await isListening(other), false)
  })

  it('drops the database of a killed test process and keeps the others', async () => {
    const [killed, living] = [await startTester(), await startTester()]
    killed.process.kill('SIGKILL')
    await killed.close()
    assert.deepEqual(await databasesOf(living), [nameOf(killed), nameOf(living)].sort())

    const next = await startTester()
    assert.deepEqual(await databasesOf(living), [nameOf(living), nameOf(next)].sort())
    assert.deepEqual([await living.close(), await next.close()], [0, 0])
    assert.equal(await isListening(next), false)
  })
})
