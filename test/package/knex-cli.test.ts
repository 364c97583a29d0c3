/** Knex's own command line as in the README, and the role of its production checklist. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import pg from 'pg'
import { createIdentSphere } from '../../lib/index.js'
import { startApp } from '../support/app.js'
import { adminQuery, createEmptyDatabase, type TestDatabase } from '../support/postgres.js'
import { codeUnder } from './markdown.js'

const root = join(import.meta.dirname, '../..')
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const names = readdirSync(join(root, 'migrations'))
  .filter((name) => /^\d/.test(name))
  .map((name) => name.replace('.ts', ''))

describe('knex migrate', () => {
  let database: TestDatabase
  before(async () => {
    database = await createEmptyDatabase()
  })
  after(() => database.drop())

  /** Runs the line of the README that starts with this command. */
  async function command(part: string, url = database.url): Promise<string> {
    const line = readme.split('\n').find((text) => text.startsWith(`npx knex ${part}`))
    assert.ok(line, part)
    const { NODE_TEST_CONTEXT: _, NODE_OPTIONS: __, ...environment } = process.env
    const { stdout, stderr } = await promisify(execFile)('sh', ['-c', line], {
      cwd: root,
      env: { ...environment, DATABASE_URL: url },
    })
    assert.doesNotMatch(stdout + stderr, /Failed to load|Requiring external|Warning/)
    return stdout
  }

  async function query(sql: string): Promise<string[]> {
    const client = new pg.Client({ connectionString: database.url })
    await client.connect()
    try {
      return (await client.query(sql)).rows.map((row) => String(Object.values(row)[0]))
    } finally {
      await client.end()
    }
  }

  it('creates schema and tables by latest, and nothing the second time', async () => {
    assert.match(await command('migrate:latest'), new RegExp(`run: ${names.length} migrations`))
    assert.match(await command('migrate:latest'), /Already up to date/)
  })

  it('lists every migration by status', async () => {
    assert.match(await command('migrate:status'), new RegExp(`Found ${names.length} Completed`))
  })

  it('names the setting and the fix for a missing or wrong URL', async () => {
    for (const [url, problem] of [
      ['', 'is missing'],
      ['mysql://localhost/app', 'is not a postgres:// address'],
    ] as const) {
      await assert.rejects(command('migrate:latest', url), {
        message: new RegExp(`DATABASE_URL ${problem}\\. Set it to`),
      })
    }
  })

  it('records the same names as identsphere.migrate()', async () => {
    assert.deepEqual(await query('SELECT name FROM identsphere.migrations ORDER BY name'), names.sort())
    const identsphere = createIdentSphere({ database: database.url, development: true })
    await identsphere.migrate()
    await identsphere.ready()
    await identsphere.close()
    assert.equal((await query('SELECT name FROM identsphere.migrations')).length, names.length)
  })

  it("leaves only Knex's record after rollback --all", async () => {
    await command('migrate:rollback --all')
    const left = await query(
      `SELECT relname FROM pg_class WHERE relnamespace = 'identsphere'::regnamespace AND relkind <> 'i'
       UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'identsphere'::regnamespace
       ORDER BY 1`,
    )
    assert.deepEqual(left, ['migrations', 'migrations_id_seq', 'migrations_lock', 'migrations_lock_index_seq'])
    assert.deepEqual(await query('SELECT name FROM identsphere.migrations'), [])
  })

  it('can migrate again after the rollback', async () => {
    assert.match(await command('migrate:latest'), new RegExp(`run: ${names.length} migrations`))
  })
})

describe('the role of the production checklist', () => {
  const role = `identsphere_app_${randomBytes(6).toString('hex')}`
  const secret = randomBytes(16).toString('hex')
  after(() => adminQuery(`DROP ROLE IF EXISTS ${role}`))

  it('can do everything that the application does, but cannot change records', async () => {
    await adminQuery(`CREATE ROLE ${role} LOGIN PASSWORD '${secret}'`)
    const app = await startApp()
    try {
      for (const statement of codeUnder(readme, 'Production checklist', 'sql').split('\n').filter(Boolean)) {
        await app.sql(statement.replace(/\bapp;/, `${role};`))
      }
      const url = new URL(app.databaseUrl)
      url.username = role
      url.password = secret
      const node = await app.node({ database: url.href })

      const browser = node.client()
      const password = 'correct-horse-battery-7'
      const email = 'owner@example.com'
      const organization_name = 'Example Works'
      const register = await browser.post('/v1/auth/register', { email, password, organization_name })
      assert.equal(register.status, 201, register.text)
      assert.equal((await browser.post('/v1/auth/login', { email, password: `${password}x` })).status, 401)
      assert.equal((await browser.post('/v1/auth/login', { email, password })).status, 200)
      assert.equal((await browser.post('/v1/auth/refresh')).status, 200)
      assert.equal((await browser.post('/v1/auth/reauthenticate', { password })).status, 200)
      assert.equal((await browser.patch('/v1/users/me', { bio: 'Hello.' })).status, 200)
      const new_password = 'another-horse-battery-8'
      assert.equal(
        (await browser.post('/v1/users/me/password', { current_password: password, new_password })).status,
        204,
      )
      assert.equal((await browser.delete('/v1/users/me/sessions')).status, 204)
      await node.identsphere.revokeSigningKey('a-key-of-old')
      assert.equal((await browser.post('/v1/auth/logout')).status, 204)

      const client = new pg.Client({ connectionString: url.href })
      await client.connect()
      try {
        for (const statement of [
          'UPDATE identsphere.audit_logs SET action = action',
          'DELETE FROM identsphere.audit_logs',
          'TRUNCATE identsphere.audit_logs',
          'DELETE FROM identsphere.migrations',
          'INSERT INTO identsphere.platform_admins (user_id, created_at) SELECT id, now() FROM identsphere.users',
          'DROP TABLE identsphere.budgets',
          'CREATE TABLE identsphere.mine ()',
        ]) {
          await assert.rejects(client.query(statement), { code: '42501' }, statement)
        }
      } finally {
        await client.end()
      }
    } finally {
      await app.close()
    }
  })
})
