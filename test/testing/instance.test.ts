/** `createTestIdentSphere()`: which database it uses, what `reset()` and `close()` touch, and where it refuses to run. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, afterEach, before, describe, it } from 'node:test'
import knexLibrary, { type Knex } from 'knex'
import { ConfigurationError, type IdentSphereOptions } from '../../lib/index.js'
import { createTestIdentSphere, type TestIdentSphere } from '../../lib/testing/index.js'
import { adminQuery } from '../support/postgres.js'

/** What a test has opened, closed in reverse even where it fails. */
const opened: Array<() => Promise<unknown>> = []
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close()
})

async function createInstance(options?: IdentSphereOptions): Promise<TestIdentSphere> {
  const identsphere = await createTestIdentSphere(options)
  opened.push(() => identsphere.close())
  return identsphere
}

function connect(connection: string | Knex.PgConnectionConfig): Knex {
  const knex = knexLibrary({ client: 'pg', connection })
  opened.push(() => knex.destroy())
  return knex
}

/** Runs `work` with other environment variables, and puts the old ones back. */
async function withEnvironment<T>(changes: Record<string, string | undefined>, work: () => Promise<T>): Promise<T> {
  const before = { ...process.env }
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) delete process.env[name]
    else process.env[name] = value
  }
  try {
    return await work()
  } finally {
    for (const name of Object.keys(changes)) {
      if (before[name] === undefined) delete process.env[name]
      else process.env[name] = before[name]
    }
  }
}

async function refusal(options?: IdentSphereOptions): Promise<ConfigurationError> {
  const error = await createTestIdentSphere(options).then(
    (identsphere) => identsphere.close().then(() => undefined),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof ConfigurationError, String(error))
  return error
}

async function exists(database: string): Promise<boolean> {
  return (await adminQuery(`SELECT 1 FROM pg_database WHERE datname = '${database}'`)).rows.length > 0
}

const nameOf = ({ databaseUrl }: TestIdentSphere) => new URL(databaseUrl ?? '').pathname.slice(1)

/** The address of an empty database of this name and something random. */
async function createNamed(name: string): Promise<string> {
  const full = `${name}_${randomBytes(6).toString('hex')}`
  await adminQuery(`CREATE DATABASE "${full}" TEMPLATE template0`)
  opened.push(() => adminQuery(`DROP DATABASE "${full}" WITH (FORCE)`))
  await adminQuery(`ALTER DATABASE "${full}" SET search_path = public`)
  const url = new URL(process.env.TEST_DATABASE_URL ?? '')
  url.pathname = `/${full}`
  return url.href
}

describe('an instance without a database', () => {
  it('has one of its own, apart from every other, which is gone after close()', async () => {
    const [one, other] = await Promise.all([createInstance(), createInstance()])
    const ada = await one.signedIn({ email: 'ada@example.com' })
    const namesake = await other.signedIn({ email: 'ada@example.com' })
    assert.notEqual(ada.user.userId, namesake.user.userId)
    assert.equal(await other.authenticate(new Headers(ada.headers), { method: 'GET' }), null)

    one.clock.advance(3600)
    assert.ok(one.clock.now() - other.clock.now() > 3_500_000)
    await one.reset()
    assert.ok(await other.authenticate(new Headers(namesake.headers), { method: 'GET' }))

    await Promise.all([one.close(), one.close(), other.close()])
    assert.deepEqual(await Promise.all([one, other].map((each) => exists(nameOf(each)))), [false, false])
  })

  it('leaves none behind where it cannot start', async () => {
    // Of this process only: other test files make databases on the same server.
    const mine = `SELECT count(*) FROM pg_database WHERE starts_with(datname, 'identsphere_test_${process.pid}_')`
    const databases = async () => (await adminQuery(mine)).rows[0].count
    await (await createInstance()).close() // the template is there
    const before = await databases()
    assert.equal((await refusal({ accessTokenSeconds: 1 })).setting, 'accessTokenSeconds')
    assert.equal(await databases(), before)
  })

  it('has its tables in the schema that it is given', async () => {
    const identsphere = await createInstance({ schema: 'people' })
    const { user } = await identsphere.signedIn()
    const knex = connect(identsphere.databaseUrl ?? '')
    assert.deepEqual(await knex('people.users').select('id'), [{ id: user.userId }])
    await identsphere.close()
  })

  it('takes DATABASE_URL where there is no TEST_DATABASE_URL, and touches nothing that is there', async () => {
    const url = await createNamed('app')
    const identsphere = await withEnvironment({ TEST_DATABASE_URL: undefined, DATABASE_URL: url }, () =>
      createInstance(),
    )
    assert.notEqual(identsphere.databaseUrl, url)
    const knex = connect(url)
    const { rows } = await knex.raw("SELECT 1 FROM pg_namespace WHERE nspname = 'identsphere'")
    assert.deepEqual(rows, [])
    await identsphere.close()
  })

  it('says what a user lacks who may not create databases', async () => {
    const role = `identsphere_poor_${randomBytes(6).toString('hex')}`
    await adminQuery(`CREATE ROLE ${role} LOGIN PASSWORD 'poor'`)
    opened.push(() => adminQuery(`DROP ROLE ${role}`))
    const url = new URL(process.env.TEST_DATABASE_URL ?? '')
    Object.assign(url, { username: role, password: 'poor' })
    const error = await withEnvironment({ TEST_DATABASE_URL: url.href }, refusal)
    assert.match(error.message, /CREATEDB/)
  })

  it('reads no other setting from the environment', async () => {
    const settings = {
      IDENTSPHERE_SECRETS: 'short',
      IDENTSPHERE_SCHEMA: 'NOT A NAME',
      IDENTSPHERE_ACCESS_EXPIRY_SECS: 'x',
    }
    const identsphere = await withEnvironment(settings, () => createInstance())
    await identsphere.close()
  })
})

describe('reset()', () => {
  let identsphere: TestIdentSphere
  let knex: Knex
  before(async () => {
    identsphere = await createTestIdentSphere()
    knex = knexLibrary({ client: 'pg', connection: identsphere.databaseUrl ?? '' })
    await knex.raw(`
      CREATE TABLE settings (name text PRIMARY KEY);
      CREATE TABLE profiles (user_id uuid PRIMARY KEY REFERENCES identsphere.users (id) ON DELETE CASCADE);
      CREATE TABLE orders (user_id uuid REFERENCES identsphere.users (id))`)
  })
  after(async () => {
    await knex.destroy()
    await identsphere.close()
  })

  async function rowsOf(schema: string): Promise<Record<string, number>> {
    const { rows } = await knex.raw('SELECT tablename FROM pg_tables WHERE schemaname = ?', [schema])
    const names: string[] = rows.map(({ tablename }: { tablename: string }) => tablename).sort()
    const counts = names.map(async (name) => {
      const [row] = await knex(`${schema}.${name}`).count()
      return [name, Number(row?.count)] as const
    })
    return Object.fromEntries(await Promise.all(counts))
  }

  it("empties IdentSphere's tables but the record of migrations, and sets the clock back", async () => {
    const ada = await identsphere.signedIn({ platformAdmin: true, mfa: true })
    await identsphere.revokeSigningKey('somebody')
    identsphere.clock.advance(86_400)
    await identsphere.reset()

    const { migrations, migrations_lock: lock, ...others } = await rowsOf('identsphere')
    assert.ok(migrations !== undefined && migrations > 0)
    assert.equal(lock, 1)
    assert.deepEqual(others, Object.fromEntries(Object.keys(others).map((name) => [name, 0])))
    assert.ok(Math.abs(identsphere.clock.now() - Date.now()) < 60_000)
    assert.equal(await identsphere.authenticate(new Headers(ada.headers), { method: 'GET' }), null)
    const again = await identsphere.signedIn({ email: ada.user.email })
    assert.notEqual(again.user.userId, ada.user.userId)
  })

  it('leaves audit rows as unchangeable as before', async () => {
    await identsphere.signedIn()
    await identsphere.reset()
    await identsphere.signedIn()
    await assert.rejects(knex('identsphere.audit_logs').delete(), /cannot be changed/)
  })

  it("leaves the host's tables alone, but for rows that the host declared to go with a user", async () => {
    const { user } = await identsphere.signedIn()
    await knex('settings').insert({ name: 'colour' })
    await knex('profiles').insert({ user_id: user.userId })
    await identsphere.reset()
    assert.deepEqual(await rowsOf('public'), { settings: 1, profiles: 0, orders: 0 })
  })

  it("refuses, and empties nothing, where rows of the host's would be left without their user", async () => {
    const { user } = await identsphere.signedIn()
    await knex('orders').insert({ user_id: user.userId })
    await assert.rejects(identsphere.reset(), /your table public\.orders .* ON DELETE CASCADE/)
    assert.equal((await rowsOf('identsphere')).users, 1)
    await knex('orders').delete()
    await identsphere.reset()
  })
})

describe("a database of the host's", () => {
  it("is not emptied where tables of the host's may have come to lie in the schema", async () => {
    const url = await createNamed('app_test')
    const connection = { connectionString: url, options: '-c search_path=identsphere,public' }
    const knex = connect(connection)
    const identsphere = await createInstance({ database: knex })
    await identsphere.signedIn()
    await knex.raw('CREATE TABLE notes AS SELECT 1 AS id')
    await assert.rejects(identsphere.reset(), /search_path/)
    assert.equal((await knex('notes')).length, 1)
    await identsphere.close()
  })

  for (const how of ['URL', 'Knex']) {
    it(`by ${how}: is migrated, kept, used again by the next instance, and left open`, async () => {
      const url = await createNamed('app-test')
      const knex = connect(url)
      const database = how === 'URL' ? url : knex
      const first = await createInstance({ database })
      assert.equal(first.databaseUrl, how === 'URL' ? url : null)
      const ada = await first.signedIn({ email: 'ada@example.com' })
      await first.close()
      assert.deepEqual(await knex('identsphere.users').select('id'), [{ id: ada.user.userId }])

      const second = await createInstance({ database })
      assert.equal((await second.signedIn({ email: 'ada@example.com' })).user.userId, ada.user.userId)
      await second.reset()
      await second.close()
      assert.deepEqual(await knex('identsphere.users').select('id'), [])
    })
  }

  for (const name of ['app', 'app_latest', 'contest', 'attestation', 'production']) {
    it(`is refused, and not touched, where it is called ${name}`, async () => {
      const url = await createNamed(name)
      const error = await refusal({ database: url })
      assert.equal(error.setting, 'database')
      assert.match(error.message, new RegExp(`"${name}_`))
      const knex = connect(url)
      const { rows } = await knex.raw("SELECT 1 FROM pg_namespace WHERE nspname = 'identsphere'")
      assert.deepEqual(rows, [])
    })
  }

  it('may have any name where the schema says that it is for tests', async () => {
    const url = await createNamed('app')
    const identsphere = await createInstance({ database: url, schema: 'identsphere_test' })
    await identsphere.signedIn()
    await identsphere.close()
  })
})

describe('where it runs', () => {
  for (const environment of ['production', 'staging', 'Test']) {
    it(`NODE_ENV=${environment} is refused`, async () => {
      assert.equal((await withEnvironment({ NODE_ENV: environment }, refusal)).setting, 'NODE_ENV')
    })
  }

  for (const environment of [undefined, 'test', 'development']) {
    it(`NODE_ENV=${environment} is fine`, async () => {
      const identsphere = await withEnvironment({ NODE_ENV: environment }, () => createInstance())
      await identsphere.close()
    })
  }

  it('the clock goes forward only', async () => {
    const identsphere = await createInstance()
    for (const seconds of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.throws(() => identsphere.clock.advance(seconds), RangeError)
    }
    await identsphere.close()
  })
})
