import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { after, before, describe, it } from 'node:test'
import pg from 'pg'
import { migrations } from '../../migrations/index.js'
import { compiled, root } from '../support/compiled.js'
import { createEmptyDatabase, type TestDatabase } from '../support/postgres.js'

const count = Object.keys(migrations).length

describe('identsphere migrate', () => {
  let database: TestDatabase
  let admin: pg.Client
  before(async () => {
    database = await createEmptyDatabase()
    admin = new pg.Client(database.url)
    await admin.connect()
  })
  after(async () => {
    await admin?.end()
    await database?.drop()
  })

  function run(args: string[], more: Record<string, string> = {}): Promise<{ code: number; out: string; err: string }> {
    const env = { PATH: process.env.PATH, DATABASE_URL: database.url, ...more }
    return new Promise((resolve) => {
      execFile(process.execPath, [compiled('lib/cli/identsphere.ts'), ...args], { cwd: root, env }, (error, out, err) =>
        resolve({ code: error === null ? 0 : Number(error.code), out, err }),
      )
    })
  }

  const schemas = async () =>
    (await admin.query("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'identsphere%'")).rows.length

  it('needs only the database URL and prints its target without the password', async () => {
    assert.equal((await run(['migrate', 'status'])).code, 1)
    const { code, out } = await run(['migrate'])
    assert.equal(code, 0)
    assert.equal(out.match(/^done /gm)?.length, count)
    assert.match(out, /The schema identsphere of .+ is up to date/)
    const { password } = new URL(database.url)
    assert.ok(password === '' || !out.includes(password))
    assert.doesNotMatch((await run(['migrate'])).out, /^done /m)
    const status = await run(['migrate', 'status'])
    assert.equal(status.code, 0)
    assert.equal(status.out.match(/^done /gm)?.length, count)
  })

  it('requires a confirmation for rollback and names what it would drop', async () => {
    const { code, err } = await run(['migrate', 'rollback'])
    assert.equal(code, 2)
    assert.match(err, /schema identsphere of .* --yes/)
    assert.equal(await schemas(), 1)
  })

  it('rolls nothing back if host tables refer to ours, and names them', async () => {
    await admin.query('CREATE TABLE public.profiles (user_id uuid REFERENCES identsphere.users (id))')
    const { code, err } = await run(['migrate', 'rollback', '--yes'])
    assert.equal(code, 1)
    assert.match(err, /profiles/)
    assert.equal((await run(['migrate', 'status'])).code, 0)
    await admin.query('DROP TABLE public.profiles')
  })

  it('keeps and names foreign tables at rollback', async () => {
    await admin.query('CREATE TABLE identsphere.theirs ()')
    const { code, out } = await run(['migrate', 'rollback', '--yes'])
    assert.equal(code, 0)
    assert.match(out, /was kept, because it contains table (identsphere\.)?theirs/)
    const { rows } = await admin.query("SELECT tablename FROM pg_tables WHERE schemaname = 'identsphere'")
    assert.deepEqual(rows, [{ tablename: 'theirs' }])
    await admin.query('DROP TABLE identsphere.theirs')
  })

  it('removes everything at rollback, so that it can migrate again', async () => {
    assert.equal((await run(['migrate'])).code, 0)
    assert.match((await run(['migrate', 'rollback', '--yes'])).out, /was deleted\.$/m)
    assert.equal(await schemas(), 0)
    assert.equal((await run(['migrate', 'rollback', '--yes'])).code, 0)
    assert.equal((await run(['migrate'], { IDENTSPHERE_SCHEMA: 'identsphere_two' })).code, 0)
    assert.equal((await run(['migrate', 'status'], { IDENTSPHERE_SCHEMA: 'identsphere_two' })).code, 0)
    assert.equal((await run(['migrate', 'status'])).code, 1)
  })

  it('exits with 2 for wrong usage and 1 for a failure', async () => {
    for (const args of [['migrate', 'up'], ['migrate', '--force'], ['migrate', '--yes'], ['drop'], ['constructor']]) {
      assert.equal((await run(args)).code, 2, args.join(' '))
    }
    for (const [more, expected] of [
      [{ DATABASE_URL: '' }, /DATABASE_URL is missing/],
      [{ DATABASE_URL: 'localhost' }, /DATABASE_URL is not a postgres/],
      [{ IDENTSPHERE_SCHEMA: 'a"b' }, /IDENTSPHERE_SCHEMA is not/],
      [{ DATABASE_URL: 'postgres://127.0.0.1:1/x' }, /127\.0\.0\.1:1\/x \(DATABASE_URL\):\n.*ECONNREFUSED/],
    ] as const) {
      const { code, err } = await run(['migrate'], more)
      assert.equal(code, 1)
      assert.match(err, expected)
      assert.doesNotMatch(err, /\n {4}at /)
    }
  })
})
