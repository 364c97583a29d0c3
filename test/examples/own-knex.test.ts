import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import argon2 from 'argon2'
import bcrypt from 'bcrypt'
import pg from 'pg'
import { password } from '../support/app.js'
import { Client } from '../support/client.js'
import { compiled, root } from '../support/compiled.js'
import { type Example, startExample } from '../support/example.js'
import { freePort } from '../support/ports.js'
import { createEmptyDatabase, type TestDatabase } from '../support/postgres.js'

const run = promisify(execFile)
const secret = 'an-example-secret-of-enough-length'

describe('the example with its own Knex', () => {
  const folder = mkdtempSync(join(tmpdir(), 'identsphere-own-knex-'))
  let database: TestDatabase
  let pool: pg.Pool
  let server: Example

  async function command(...words: string[]): Promise<string> {
    const { NODE_TEST_CONTEXT: _, NODE_OPTIONS: __, ...environment } = process.env
    const { stdout } = await run(words[0] ?? '', words.slice(1), {
      cwd: root,
      env: { ...environment, DATABASE_URL: database.url, IDENTSPHERE_JWT_SECRET: secret },
    })
    return stdout
  }
  const identsphere = (...words: string[]) => command(process.execPath, compiled('lib/cli/identsphere.ts'), ...words)
  const knex = (...words: string[]) => command('npx', 'knex', ...words, '--knexfile', 'examples/own-knex/knexfile.js')
  const adopt = async () => JSON.parse(await command(process.execPath, compiled('examples/own-knex/adopt.ts')))

  async function rows(text: string, values: unknown[] = []) {
    return (await pool.query(text, values)).rows
  }

  before(async () => {
    database = await createEmptyDatabase()
    pool = new pg.Pool({ connectionString: database.url, max: 2, options: '-c search_path=public' })
    pool.on('error', () => {})
    await identsphere('migrate')
    await knex('migrate:latest')
    const environment = { IDENTSPHERE_JWT_SECRET: secret }
    server = await startExample('own-knex', { folder, port: await freePort(), databaseUrl: database.url, environment })
  })
  after(async () => {
    await server?.stop('SIGKILL')
    await pool?.end()
    await database?.drop()
    rmSync(folder, { recursive: true, force: true })
  })

  const client = () => new Client(server.url)
  const registration = (email: string, fields: unknown) => ({ email, password, fields })

  it('keeps two migration records side by side', async () => {
    const own = await rows('SELECT name FROM public.knex_migrations')
    assert.deepEqual(own, [{ name: '20261101_profiles_and_plans.js' }])
    const [{ count }] = await rows('SELECT count(*)::int AS count FROM identsphere.migrations')
    assert.ok(count > 0)
    assert.match(await knex('migrate:latest'), /Already up to date/)
    await identsphere('migrate', 'status')
  })

  it('creates account and profile together, or neither', async () => {
    const browser = client()
    const answer = await browser.post('/v1/auth/register', registration('ada@example.com', { company: 'Engines' }))
    assert.equal(answer.status, 201, answer.text)
    assert.deepEqual((await browser.get('/api/profile')).body, { email: 'ada@example.com', company: 'Engines' })

    for (const fields of [undefined, {}, { company: '' }, { company: 'x', role: 'owner' }]) {
      const refused = await client().post('/v1/auth/register', registration('bob@example.com', fields))
      assert.equal(refused.status, 400, refused.text)
    }
    await rows(`ALTER TABLE profiles ADD CONSTRAINT no_rivals CHECK (company <> 'Rivals')`)
    const failed = await client().post('/v1/auth/register', registration('bob@example.com', { company: 'Rivals' }))
    assert.equal(failed.status, 500)
    assert.deepEqual(await rows("SELECT 1 FROM identsphere.users WHERE email = 'bob@example.com'"), [])
    assert.deepEqual(await rows("SELECT 1 FROM identsphere.organizations WHERE name = 'bob'"), [])
  })

  it('creates an organization inside its own transaction and rolls both back', async () => {
    const browser = client()
    await browser.post('/v1/auth/register', registration('team@example.com', { company: 'Engines' }))
    const first = await browser.post('/api/teams', { name: 'First team', code: 'LAUNCH' })
    assert.equal(first.status, 201, first.text)
    const second = await browser.post('/api/teams', { name: 'Second team', code: 'LAUNCH' })
    assert.equal(second.status, 409)
    assert.deepEqual(await rows("SELECT 1 FROM identsphere.organizations WHERE name = 'Second team'"), [])
    const audited = await rows("SELECT 1 FROM identsphere.audit_logs WHERE action = 'organizations.created'")
    assert.equal(audited.length, 1)
  })

  it('imports users of an older table with their passwords', async () => {
    await rows(`CREATE TABLE legacy_users (id integer PRIMARY KEY, email text, full_name text, password_digest text,
      confirmed boolean NOT NULL)`)
    const legacy = [
      [1, 'Old.Bcrypt@Example.com', 'Old Bcrypt', (await bcrypt.hash(password, 10)).replace('$2b$', '$2y$'), true],
      [2, 'argon@example.com', null, await argon2.hash(password, { memoryCost: 8192, timeCost: 2 }), true],
      [3, 'nobody@example.com', null, null, false],
      [4, 'not an address', null, null, false],
    ]
    for (const user of legacy) await rows('INSERT INTO legacy_users VALUES ($1, $2, $3, $4, $5)', user)
    assert.deepEqual(await adopt(), { adopted: 3, known: 0, refused: 1 })
    assert.deepEqual(await adopt(), { adopted: 0, known: 3, refused: 1 })

    for (const [id, email] of [
      [1, 'old.bcrypt@example.com'],
      [2, 'argon@example.com'],
    ]) {
      const answer = await client().post('/v1/auth/login', { email, password })
      assert.equal(answer.status, 200, `${email}: ${answer.text}`)
      const [user] = await rows(
        'SELECT email_verified_at, password_hash FROM identsphere.users WHERE external_id = $1',
        [String(id)],
      )
      assert.match(user.password_hash, /^\$argon2id\$v=19\$m=19456,/)
      assert.notEqual(user.email_verified_at, null)
    }
    assert.equal((await client().post('/v1/auth/login', { email: 'nobody@example.com', password })).status, 401)
  })

  it('can be rolled back: its own tables first, then ours', async () => {
    await assert.rejects(identsphere('migrate', 'rollback', '--yes'), /profiles|plans/)
    await knex('migrate:rollback', '--all')
    await identsphere('migrate', 'rollback', '--yes')
    assert.deepEqual(await rows("SELECT to_regnamespace('identsphere') AS left"), [{ left: null }])
  })
})
