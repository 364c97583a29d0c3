/** After a kill, with leftovers or with broken files, the next start recovers or says what to do. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { findBinaries } from '../../lib/embedded-postgres/binaries.js'
import { openFolder } from '../../lib/embedded-postgres/folder.js'
import { factsFromProc, factsFromPs } from '../../lib/embedded-postgres/processes.js'
import { findServer, hasEnded, startServer, stopServer } from '../../lib/embedded-postgres/server.js'
import { withLock } from '../../lib/embedded-postgres/sharing.js'
import {
  bornAt,
  connect,
  ended,
  freshDirectory,
  home,
  initializedDirectory,
  prepareShared,
  shared,
  spawnStart,
  start,
  startElsewhere,
} from './support.js'

before(prepareShared)

describe('an embedded Postgres that was killed', () => {
  it('runs on after kill -9 of its starter, and the next start uses it and can stop it', async () => {
    const directory = shared
    const [child, url] = await startElsewhere(directory)
    const born = await bornAt(url)
    child.kill('SIGKILL')
    await ended(child)
    const next = await start(directory)
    assert.equal(await bornAt(next.url), born)
    await next.stop()
    await assert.rejects(connect(url), { code: 'ECONNREFUSED' })
  })

  it('starts again if another process has the number of a killed server', async () => {
    const directory = await initializedDirectory()
    const killed = await start(directory)
    const folder = openFolder(directory)
    const pid = findServer(folder)?.pid ?? 0
    process.kill(pid, 'SIGKILL')
    await hasEnded(folder, pid)
    const file = join(folder.data, 'postmaster.pid')
    writeFileSync(file, readFileSync(file, 'utf8').replace(/^\d+/, String(process.pid)))
    const again = await start(directory)
    await bornAt(again.url)
    assert.notEqual(findServer(folder)?.pid, pid)
    await killed.stop()
  })

  it('fails with the end of the server log in the message', async () => {
    const directory = await initializedDirectory()
    await (await start(directory)).stop()
    appendFileSync(join(directory, 'data/postgresql.conf'), '\nno_such_setting = 1\n')
    await assert.rejects(start(directory), /exit code 1[\s\S]*unrecognized configuration parameter "no_such_setting"/)
  })

  it('keeps its rows if it, its children and its starter are killed at once', async () => {
    const directory = await initializedDirectory()
    const [child, url] = await startElsewhere(directory)
    const client = await connect(url)
    await client.query('SET synchronous_commit = on') // as on a durable server
    await client.query("CREATE TABLE note (text text); INSERT INTO note VALUES ('kept')")
    const folder = openFolder(directory)
    const pid = findServer(folder)?.pid ?? 0
    const { rows } = await client.query("SELECT pid FROM pg_stat_activity WHERE backend_type <> 'client backend'")
    for (const victim of [child.pid ?? 0, pid, ...rows.map((row) => row.pid)]) process.kill(victim, 'SIGKILL')
    await ended(child)
    await hasEnded(folder, pid)
    const again = await start(directory)
    assert.deepEqual((await (await connect(again.url)).query('SELECT text FROM note')).rows, [{ text: 'kept' }])
  })

  it('is created by a waiting start if the first start was killed half-way', async () => {
    const directory = freshDirectory()
    const { child } = spawnStart(directory)
    while (!(existsSync(directory) && readdirSync(directory).some((name) => name.startsWith('data-')))) {
      await new Promise(setImmediate)
    }
    const waiting = start(directory)
    child.kill('SIGKILL')
    await bornAt((await waiting).url)
    assert.deepEqual(readdirSync(directory).sort(), ['data', 'password', 'server.log', 'users'])
  })

  for (const left of ['', 'no number\n', '-1\n', '1\n']) {
    it(`starts if postmaster.pid contains ${JSON.stringify(left)}`, async () => {
      const { data } = openFolder(shared)
      await (await start(shared)).stop()
      writeFileSync(join(data, 'postmaster.pid'), left)
      await bornAt((await start(shared)).url)
    })
  }

  it('is recognized by its data folder, under any path of it', async () => {
    const postgres = await start(shared)
    const folder = openFolder(shared)
    const other = join(home, 'other-path')
    symlinkSync(shared, other)
    assert.ok(findServer({ ...folder, data: join(other, 'data') }))
    await postgres.stop()
  })
})

describe('data that cannot be used', () => {
  it('of another major version is not changed, and the error names both versions and how to move', async () => {
    const directory = await initializedDirectory()
    await (await start(directory)).stop()
    const file = join(directory, 'data/PG_VERSION')
    const real = readFileSync(file, 'utf8')
    writeFileSync(file, '9\n')
    await assert.rejects(start(directory), (error: Error) => {
      assert.match(error.message, new RegExp(`made by Postgres 9, .* is Postgres ${real.trim()}\\. .*${directory}`))
      assert.match(
        error.message,
        new RegExp(`To move the data, .*Postgres 9[\\s\\S]*pg_dump[\\s\\S]*${real.trim()}[\\s\\S]*psql`),
      )
      return true
    })
    writeFileSync(file, real)
    await bornAt((await start(directory)).url)
  })

  for (const [what, spoil] of [
    ['missing', (file: string) => rmSync(file)],
    ['empty', (file: string) => writeFileSync(file, '')],
  ] as const) {
    it(`is refused if its password is ${what}, and the error names the file to restore`, async () => {
      const directory = await initializedDirectory()
      await (await start(directory)).stop()
      spoil(join(directory, 'password'))
      await assert.rejects(start(directory), /postgres\/password is missing or empty\. Restore it, or delete/)
    })
  }
})

describe('the port of an embedded Postgres', () => {
  it('is another one if the first was taken meanwhile', async () => {
    const folder = openFolder(shared)
    await (await start(shared)).stop()
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port: taken } = other.address() as { port: number }
    const free = createServer().listen(0, '127.0.0.1')
    await once(free, 'listening')
    const { port } = free.address() as { port: number }
    await new Promise((done) => free.close(done))
    const choices = [taken, port]
    const binaries = await findBinaries(folder.account)
    try {
      const server = await startServer(folder, binaries, ['fsync=off'], async () => choices.shift() ?? 0)
      assert.equal(server.port, port)
      await stopServer(folder, server.pid)
    } finally {
      other.close()
    }
  })
})

describe('the lock of a start', () => {
  it('is taken over if its holder has ended', async () => {
    const file = join(home, 'lock')
    const child = spawn(process.execPath, ['--eval', ''])
    await ended(child)
    symlinkSync(`${child.pid}-1 dead`, file)
    assert.equal(await withLock(file, async () => 'done'), 'done')
  })

  it('is given to one call at a time', async () => {
    let inside = 0
    await Promise.all(
      Array.from({ length: 8 }, () =>
        withLock(join(home, 'lock'), async () => {
          inside += 1
          await new Promise(setImmediate)
          assert.equal(inside, 1)
          inside -= 1
        }),
      ),
    )
  })

  it('is taken over if another process has the number of its holder', async () => {
    const file = join(home, 'lock')
    symlinkSync(`${process.pid}-1 started at another time`, file)
    assert.equal(await withLock(file, async () => 'done'), 'done')
  })

  it('is taken over if it names no process', async () => {
    const file = join(home, 'lock')
    for (const leave of [() => writeFileSync(file, ''), () => mkdirSync(file), () => symlinkSync('?', file)]) {
      leave()
      assert.equal(await withLock(file, async () => 'done'), 'done')
    }
  })
})

describe('facts about a process', () => {
  it('are the same from ps, for systems without /proc', { skip: !existsSync('/proc/self/stat') }, async () => {
    const child = spawn('sleep', ['60'])
    await once(child, 'spawn')
    const [proc, ps] = [factsFromProc(child.pid ?? 0), factsFromPs(child.pid ?? 0)]
    child.kill()
    assert.equal(ps?.name, 'sleep')
    assert.equal(ps?.name, proc?.name)
    assert.match(ps?.state ?? '', /^[RSD]/)
    assert.ok(Math.abs((ps?.started ?? 0) - Date.now()) < 60_000)
    await ended(child)
    assert.equal(factsFromPs(child.pid ?? 0), undefined)
  })
})
