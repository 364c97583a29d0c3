import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync, statSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { Worker } from 'node:worker_threads'
import { openFolder } from '../../lib/embedded-postgres/folder.js'
import { findServer, hasEnded } from '../../lib/embedded-postgres/server.js'
import { compiled } from '../support/compiled.js'
import {
  bornAt,
  connect,
  ended,
  freshDirectory,
  initializedDirectory,
  isRoot,
  nobody,
  prepareShared,
  shared,
  start,
  startElsewhere,
} from './support.js'

describe('embedded Postgres', () => {
  before(prepareShared)

  it('lets several connections work at once, and one waits for a row that another has locked', async () => {
    const { url } = await start(shared)
    const [first, second, third] = await Promise.all([connect(url), connect(url), connect(url)])
    await first.query('CREATE TABLE counter (value int); INSERT INTO counter VALUES (1)')
    const { rows } = await second.query('SELECT pg_backend_pid() AS pid')
    await first.query('BEGIN; UPDATE counter SET value = value * 10')
    const blocked = second.query('UPDATE counter SET value = value + 1 RETURNING value')
    let blockers = 0
    while (blockers === 0) {
      blockers = (await third.query('SELECT cardinality(pg_blocking_pids($1)) AS n', [rows[0].pid])).rows[0].n
    }
    await first.query('COMMIT')
    assert.equal((await blocked).rows[0].value, 11)
  })

  it('keeps its rows when it is stopped and started', async () => {
    const directory = shared
    const first = await start(directory)
    await (await connect(first.url)).query("CREATE TABLE note (text text); INSERT INTO note VALUES ('kept')")
    await first.stop()
    const second = await start(directory)
    assert.deepEqual((await (await connect(second.url)).query('SELECT text FROM note')).rows, [{ text: 'kept' }])
  })

  it('starts one server for simultaneous starts on a fresh folder, in two processes', async () => {
    const directory = freshDirectory()
    const [one, two, [, three]] = await Promise.all([start(directory), start(directory), startElsewhere(directory)])
    assert.equal(two.url, one.url)
    assert.equal(three, one.url)
  })

  it('is shared with a second process, and runs until the last of them has stopped it', async () => {
    const directory = await initializedDirectory()
    const [child, url] = await startElsewhere(
      directory,
      `process.stdin.once('data', async () => {
      await postgres.stop()
      console.log('left')
    })`,
    )
    const second = await start(directory)
    assert.equal(second.url, url)
    child.stdin?.end('leave\n')
    await ended(child)
    const client = await connect(url)
    await client.query('SELECT 1')
    await second.stop()
    await assert.rejects(connect(url), { code: 'ECONNREFUSED' })
  })

  it('runs on if a process that shares it stops it', async () => {
    const directory = shared
    const starter = await start(directory)
    const [child] = await startElsewhere(directory, 'await postgres.stop(); process.exit()')
    await ended(child)
    await bornAt(starter.url)
  })

  it('ends with a process that exits without stop()', async () => {
    const directory = shared
    const [child] = await startElsewhere(directory, 'process.exit()')
    await ended(child)
    const folder = openFolder(directory)
    assert.ok(await hasEnded(folder, findServer(folder)?.pid ?? 0))
  })

  it('does not keep a process alive that has nothing else to do', async () => {
    const [child] = await startElsewhere(shared, '')
    await ended(child)
    assert.equal(child.exitCode, 0)
  })

  it('keeps no exit listener after stop(), which can be called twice', async () => {
    const before = process.listenerCount('exit')
    const postgres = await start(shared)
    await Promise.all([postgres.stop(), postgres.stop()])
    assert.equal(process.listenerCount('exit'), before)
  })

  it('listens on 127.0.0.1 only, and on no Unix socket', async () => {
    const { url } = await start(shared)
    const client = await connect(url)
    const settings =
      "SELECT name, setting FROM pg_settings WHERE name IN ('listen_addresses', 'unix_socket_directories')"
    assert.deepEqual((await client.query(`${settings} ORDER BY name`)).rows, [
      { name: 'listen_addresses', setting: '127.0.0.1' },
      { name: 'unix_socket_directories', setting: '' },
    ])
    const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
    for (const { address } of addresses.filter(({ internal, family }) => !internal && family === 'IPv4')) {
      await assert.rejects(connect(url.replace('127.0.0.1', address)), { code: 'ECONNREFUSED' })
    }
  })

  it('refuses a wrong password and a missing one', async () => {
    const { url } = await start(shared)
    const wrong = new URL(url)
    wrong.password = 'guess'
    await assert.rejects(connect(wrong.href), { code: '28P01' })
    wrong.password = ''
    await assert.rejects(connect(wrong.href), /password/)
  })

  it('closes its folder, data and password to other users', async () => {
    const { url } = await start(shared)
    const mode = (path: string) => statSync(path).mode & 0o777
    assert.equal(mode(shared), 0o700)
    assert.equal(mode(join(shared, 'data')), 0o700)
    assert.equal(mode(join(shared, 'password')), 0o600)
    assert.equal(readFileSync(join(shared, 'password'), 'utf8'), new URL(url).password)
    if (isRoot) {
      // The user that runs the server can write to its data only, and to nothing else that root reads or runs later.
      const owners = ['.', 'data', 'password', 'server.log', 'users'].map((name) => statSync(join(shared, name)).uid)
      assert.deepEqual(owners, [0, nobody, 0, 0, 0])
    }
  })

  it('is shared with a worker thread, which may stop it first', async () => {
    const directory = shared
    const mine = await start(directory)
    const program = `
      import(${JSON.stringify(compiled('lib/embedded-postgres/launcher.ts'))}).then(async ({ startEmbeddedPostgres }) => {
        const postgres = await startEmbeddedPostgres({ directory: ${JSON.stringify(directory)} })
        await postgres.stop()
        require('node:worker_threads').parentPort.postMessage(postgres.url)
      })`
    const worker = new Worker(program, { eval: true })
    const [[url]] = await Promise.all([once(worker, 'message'), once(worker, 'exit')])
    assert.equal(url, mine.url)
    await bornAt(mine.url)
  })
})
