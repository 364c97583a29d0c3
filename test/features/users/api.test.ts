import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { hash as argon2, argon2d } from 'argon2'
import bcrypt from 'bcrypt'
import type { Api } from '../../../lib/index.js'
import { password, signIn, startApp, type TestApp } from '../../support/app.js'
import { newPerson } from '../../support/people.js'

let app: TestApp
let users: Api['users']
before(async () => {
  app = await startApp()
  users = app.identsphere.api.users
})
after(() => app?.close())

/** Values of wrong types that a host might pass instead of text. */
const wrongTypes = [undefined, null, 7, {}, [], ['a'], { id: 'a' }, { toString: () => 'a' }] as never[]
const hashOf = async (email: string) =>
  (await app.sql('SELECT password_hash FROM identsphere.users WHERE email = $1', [email]))[0].password_hash

describe('the lookup of a user', () => {
  it('works before the first request', async () => {
    const fresh = await app.node()
    assert.equal(await fresh.identsphere.api.users.get(randomUUID()), null)
  })

  it('finds the same user by id, address in any case, and external id', async () => {
    const { user } = await users.import({ email: 'Found@Example.com', externalId: 'legacy-1', displayName: ' Ada ' })
    assert.equal(user.email, 'found@example.com')
    assert.equal(user.displayName, 'Ada')
    assert.ok(user.createdAt instanceof Date)
    assert.deepEqual(await users.get(user.userId), user)
    assert.deepEqual(await users.findByEmail('FOUND@example.com'), user)
    assert.deepEqual(await users.findByExternalId('legacy-1'), user)
  })

  it('returns null for an unknown user', async () => {
    assert.equal(await users.get(randomUUID()), null)
    assert.equal(await users.findByEmail('nobody@example.com'), null)
    assert.equal(await users.findByEmail('no address'), null)
    assert.equal(await users.findByExternalId('nobody'), null)
  })

  it('rejects values that are not text, and invalid ids', async () => {
    for (const wrong of wrongTypes) {
      for (const call of [users.get, users.findByEmail, users.findByExternalId, users.disable, users.enable]) {
        await assert.rejects(call(wrong), { code: 'invalid_input' }, String(wrong))
      }
    }
    for (const text of ['', 'x', "' OR 1=1", 'a\0b']) {
      await assert.rejects(users.get(text), { code: 'invalid_input' })
    }
    await assert.rejects(users.findByExternalId('a\0b'), { code: 'invalid_input' })
  })
})

describe('the import of a user', () => {
  const hashes: Record<string, (secret: string) => Promise<string>> = {
    'bcrypt $2b$': (secret) => bcrypt.hash(secret, 4),
    'bcrypt $2a$': async (secret) => (await bcrypt.hash(secret, 4)).replace('$2b$', '$2a$'),
    'bcrypt $2y$': async (secret) => (await bcrypt.hash(secret, 4)).replace('$2b$', '$2y$'),
    'Argon2id with low cost': (secret) => argon2(secret, { memoryCost: 1024, timeCost: 2, parallelism: 1 }),
    Argon2d: (secret) => argon2(secret, { type: argon2d, memoryCost: 1024, timeCost: 2, parallelism: 1 }),
  }
  for (const [name, make] of Object.entries(hashes)) {
    it(`with ${name} permits the old password and replaces the hash`, async () => {
      const email = `${name.replace(/\W+/g, '-').toLowerCase()}@example.com`
      const passwordHash = await make(password)
      const { created } = await users.import({ email, passwordHash, emailVerified: true })
      assert.equal(created, true)
      assert.equal((await app.client().post('/v1/auth/login', { email, password: `${password}x` })).status, 401)
      const { body } = await (await signIn(app, email)).get('/v1/auth/session')
      assert.equal(body.user.email_verified, true)
      assert.match(await hashOf(email), /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
      await signIn(app, email)
    })
  }

  it('rejects a hash that cannot be verified, and creates no account', async () => {
    const email = 'refused@example.com'
    for (const passwordHash of [
      'secret',
      '5f4dcc3b5aa765d61d8327deb882cf99',
      `$2b$15$${'a'.repeat(53)}`,
      `$2x$10$${'a'.repeat(53)}`,
      `$argon2id$v=19$m=1048576,t=2,p=1$${'a'.repeat(22)}$${'b'.repeat(43)}`,
      `$argon2id$v=19$m=19456,t=11,p=1$${'a'.repeat(22)}$${'b'.repeat(43)}`,
      `$argon2id$v=19$m=19456,t=2,p=9$${'a'.repeat(22)}$${'b'.repeat(43)}`,
      '',
    ]) {
      await assert.rejects(users.import({ email, passwordHash }), { code: 'invalid_input' }, passwordHash)
    }
    assert.equal(await users.findByEmail(email), null)
  })

  it('without a hash permits no password', async () => {
    const email = 'no-password@example.com'
    await users.import({ email })
    for (const secret of [password, 'null', ' ']) {
      assert.equal((await app.client().post('/v1/auth/login', { email, password: secret })).status, 401)
    }
  })

  it('leaves a user with the same external id unchanged', async () => {
    const first = await users.import({ email: 'again@example.com', externalId: 'again', displayName: 'First' })
    const again = await users.import({ email: 'moved@example.com', externalId: 'again', displayName: 'Second' })
    assert.deepEqual(again, { user: first.user, created: false })
    const rows = await app.sql(
      "SELECT 1 FROM identsphere.audit_logs WHERE action = 'users.imported' AND subject_id = $1",
      [first.user.userId],
    )
    assert.equal(rows.length, 1)
  })

  it('rejects the address of another user', async () => {
    const { email } = await newPerson(app)
    for (const more of [{}, { externalId: 'other' }]) {
      await assert.rejects(users.import({ email: email.toUpperCase(), ...more }), { code: 'conflict' })
    }
  })

  it('creates one user if run simultaneously', async () => {
    const account = { email: 'race@example.com', externalId: 'race' }
    const results = await Promise.all(Array.from({ length: 8 }, () => users.import(account)))
    assert.equal(results.filter(({ created }) => created).length, 1)
    assert.equal(new Set(results.map(({ user }) => user.userId)).size, 1)
  })

  it('rejects wrong types, unknown fields and hostile text', async () => {
    const email = 'wrong@example.com'
    for (const given of [
      ...wrongTypes.filter((value) => value !== undefined),
      { email: [email] },
      { email, externalId: { $ne: '' } },
      { email, externalId: 7 },
      { email, externalId: ' ' },
      { email, externalId: 'a'.repeat(201) },
      { email, passwordHash: Buffer.from('x') },
      { email, emailVerified: 'yes' },
      { email, displayName: 'a\0b' },
      { email, displayName: '\ud800' },
      { email, status: 'active' },
      { email, isPlatformAdmin: true },
    ]) {
      await assert.rejects(users.import(given as never), { code: 'invalid_input' }, JSON.stringify(given))
    }
  })
})

describe('the disabling of a user', () => {
  it('ends every session and refuses sign-ins until the user is enabled', async () => {
    const { client, email, userId, sessionId } = await newPerson(app)
    await users.disable(userId)
    assert.equal((await client.get('/v1/users/me')).status, 401)
    assert.equal((await client.post('/v1/auth/refresh')).status, 401)
    assert.equal((await app.client().post('/v1/auth/login', { email, password })).status, 401)
    const [session] = await app.sql('SELECT revoke_reason FROM identsphere.user_sessions WHERE id = $1', [sessionId])
    assert.equal(session.revoke_reason, 'user_disabled')

    await users.enable(userId)
    assert.equal((await client.get('/v1/users/me')).status, 401)
    await signIn(app, email)
  })

  it('happens once if requested twice', async () => {
    const { userId } = await newPerson(app)
    await Promise.all([users.disable(userId), users.disable(userId)])
    await users.disable(userId)
    await Promise.all([users.enable(userId), users.enable(userId)])
    const rows = await app.sql(
      "SELECT action FROM identsphere.audit_logs WHERE resource_id = $1 AND action <> 'auth.register' ORDER BY id",
      [userId],
    )
    assert.deepEqual(
      rows.map(({ action }) => action),
      ['users.disabled', 'users.enabled'],
    )
  })

  it('rejects an unknown user with not_found', async () => {
    await assert.rejects(users.disable(randomUUID()), { code: 'not_found' })
    await assert.rejects(users.enable(randomUUID()), { code: 'not_found' })
  })

  it('leaves no live session of simultaneous sign-ins', async () => {
    const { email, userId } = await newPerson(app)
    const entering = Array.from({ length: 4 }, () => app.client())
    const logins = entering.map((client) => client.post('/v1/auth/login', { email, password }))
    await Promise.race(logins)
    await users.disable(userId)
    await Promise.all(logins)
    for (const client of entering) assert.equal((await client.get('/v1/users/me')).status, 401)
    assert.deepEqual(await app.identsphere.api.sessions.list(userId), [])
  })
})
