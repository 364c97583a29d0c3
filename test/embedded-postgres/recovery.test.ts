/** Whatever was killed, left behind or broken: the next start recovers, or says what to do. */
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
import { describe, it } from 'node:test'
import { findBinaries } from '../../lib/embedded-postgres/binaries.js'
import { openFolder } from '../../lib/embedded-postgres/folder.js'
import { withLock } from '../../lib/embedded-postgres/lock.js'
import { findPostmaster, hasGone, stopPostmaster } from '../../lib/embedded-postgres/postmaster.js'
import { launchPostmaster } from '../../lib/embedded-postgres/postmaster-launch.js'
import { factsFromProc, factsFromPs } from '../../lib/embedded-postgres/process-identity.js'
import { bornAt, connect, ended, freshDirectory, home, shared, spawnStart, start, startElsewhere } from './support.js'

describe('an embedded Postgres that was killed', () => {
  it('is left as an orphan by kill -9 of its starter, and the next start adopts and owns it', async () => {
    const directory = shared
    const [child, url] = await startElsewhere(directory)
    const born = await bornAt(url)
    child.kill('SIGKILL')
    await ended(child)
    const adopter = await start(directory)
    assert.equal(await bornAt(adopter.url), born)
    await adopter.stop()
    await assert.rejects(connect(url), { code: 'ECONNREFUSED' })
  })

  it('starts again where the number of a killed server belongs to another process', async () => {
    const directory = freshDirectory()
    const killed = await start(directory)
    const folder = openFolder(directory)
    const pid = findPostmaster(folder)?.pid ?? 0
    process.kill(pid, 'SIGKILL')
    await hasGone(folder, pid)
    const file = join(folder.data, 'postmaster.pid')
    writeFileSync(file, readFileSync(file, 'utf8').replace(/^\d+/, String(process.pid)))
    const again = await start(directory)
    await bornAt(again.url)
    assert.notEqual(findPostmaster(folder)?.pid, pid)
    await killed.stop()
  })

  it('fails with the end of the server log', async () => {
    const directory = freshDirectory()
    await (await start(directory)).stop()
    appendFileSync(join(directory, 'data/postgresql.conf'), '\nno_such_setting = 1\n')
    await assert.rejects(start(directory), /exit code 1[\s\S]*unrecognized configuration parameter "no_such_setting"/)
  })

  it('comes back with its rows where it, its children and its starter were killed at once', async () => {
    const directory = freshDirectory()
    const [child, url] = await startElsewhere(directory)
    const client = await connect(url)
    await client.query('SET synchronous_commit = on') // as where it is durable
    await client.query("CREATE TABLE note (text text); INSERT INTO note VALUES ('kept')")
    const folder = openFolder(directory)
    const pid = findPostmaster(folder)?.pid ?? 0
    const { rows } = await client.query("SELECT pid FROM pg_stat_activity WHERE backend_type <> 'client backend'")
    for (const victim of [child.pid ?? 0, pid, ...rows.map((row) => row.pid)]) process.kill(victim, 'SIGKILL')
    await ended(child)
    const again = await start(directory)
    assert.deepEqual((await (await connect(again.url)).query('SELECT text FROM note')).rows, [{ text: 'kept' }])
  })

  it('is made anew where its first start was killed in the middle, while another one waits', async () => {
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
    it(`starts where postmaster.pid holds ${JSON.stringify(left)}`, async () => {
      const { data } = openFolder(shared)
      await (await start(shared)).stop()
      writeFileSync(join(data, 'postmaster.pid'), left)
      await bornAt((await start(shared)).url)
    })
  }

  it('is known by its data folder, by whatever path that is reached', async () => {
    const postgres = await start(shared)
    const folder = openFolder(shared)
    const other = join(home, 'other-path')
    symlinkSync(shared, other)
    assert.ok(findPostmaster({ ...folder, data: join(other, 'data') }))
    await postgres.stop()
  })
})

describe('data that cannot be used', () => {
  it('of another major version is left alone, and both versions are named', async () => {
    const directory = freshDirectory()
    await (await start(directory)).stop()
    const file = join(directory, 'data/PG_VERSION')
    const real = readFileSync(file, 'utf8')
    writeFileSync(file, '9\n')
    await assert.rejects(start(directory), (error: Error) => {
      assert.match(error.message, new RegExp(`made by Postgres 9, .* is Postgres ${real.trim()}\\. .*${directory}`))
      return true
    })
    writeFileSync(file, real)
    await bornAt((await start(directory)).url)
  })

  for (const [what, spoil] of [
    ['missing', (file: string) => rmSync(file)],
    ['empty', (file: string) => writeFileSync(file, '')],
  ] as const) {
    it(`for its password is ${what} says which file to restore`, async () => {
      const directory = freshDirectory()
      await (await start(directory)).stop()
      spoil(join(directory, 'password'))
      await assert.rejects(start(directory), /postgres\/password is missing or empty\. Restore it, or delete/)
    })
  }
})

describe('the port of an embedded Postgres', () => {
  it('is another one where somebody took the first in between', async () => {
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
    const settings = { durable: false, maxConnections: 10 }
    try {
      const postmaster = await launchPostmaster(folder, binaries, settings, async () => choices.shift() ?? 0)
      assert.equal(postmaster.port, port)
      await stopPostmaster(folder, postmaster.pid)
    } finally {
      other.close()
    }
  })
})

describe('the lock of a start', () => {
  it('takes over a lock whose holder is dead', async () => {
    const file = join(home, 'lock')
    const child = spawn(process.execPath, ['--eval', ''])
    await ended(child)
    symlinkSync(`${child.pid}-1 dead`, file)
    assert.equal(await withLock(file, async () => 'done'), 'done')
  })

  it('gives a lock to one at a time', async () => {
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

  it('is taken over where a process with the number of its dead holder runs', async () => {
    const file = join(home, 'lock')
    symlinkSync(`${process.pid}-1 started at another time`, file)
    assert.equal(await withLock(file, async () => 'done'), 'done')
  })

  it('is taken over where it names nobody', async () => {
    const file = join(home, 'lock')
    for (const leave of [() => writeFileSync(file, ''), () => mkdirSync(file), () => symlinkSync('?', file)]) {
      leave()
      assert.equal(await withLock(file, async () => 'done'), 'done')
    }
  })
})

describe('what is known of a process', () => {
  it('is the same from ps, for systems without /proc', { skip: !existsSync('/proc/self/stat') }, async () => {
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
