import assert from 'node:assert/strict'
import { after, before, describe, it, mock } from 'node:test'
import { hash as argon2, argon2i } from 'argon2'
import bcrypt from 'bcrypt'
import type { Knex } from 'knex'
import { password, signIn, signUp, startApp, type TestApp } from '../../support/app.js'
import type { Answer } from '../../support/client.js'
import { newPerson } from '../../support/people.js'
import { hashingOf, recordingKnex, type Statement } from '../../support/work.js'

const current = /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/

describe('a failed login', () => {
  let app: TestApp
  let node: TestApp
  let knex: Knex
  let statements: Statement[]
  before(async () => {
    app = await startApp()
    const recording = recordingKnex(app.databaseUrl)
    knex = recording.knex
    statements = recording.statements
    node = await app.node({ database: knex })
    // The first failed login of an unknown user also creates the key for anonymous audit rows.
    await node.client().post('/v1/auth/login', { email: 'first@example.com', password })
  })
  after(async () => {
    await app.close()
    await knex.destroy()
  })

  /** Credentials that fail, each for another reason. */
  async function failing(): Promise<Record<string, { email: string; password: string }>> {
    const account = async (change: string, values: unknown[] = []) => {
      const { email, userId } = await newPerson(app)
      await app.sql(`UPDATE identsphere.users SET ${change} WHERE id = $1`, [userId, ...values])
      return { email, password }
    }
    const wrong = (await newPerson(app)).email
    return {
      unknown: { email: 'nobody@example.com', password },
      wrong: { email: wrong, password: 'another-lone-heron-9' },
      disabled: await account(`status = 'disabled'`),
      invited: await account(`status = 'invited'`),
      deleted: await account(`status = 'deleted'`),
      'without a password': await account('password_hash = NULL'),
      'with an unreadable hash': await account(`password_hash = 'x'`),
      'with a hash beyond the limits': await account(
        `password_hash = '$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc'`,
      ),
      'with bcrypt': await account('password_hash = $2', [await bcrypt.hash('another-lone-heron-9', 4)]),
      'with bcrypt, disabled': await account(`status = 'disabled', password_hash = $2`, [
        await bcrypt.hash(password, 4),
      ]),
    }
  }

  const visible = ({ status, headers, body }: Answer) => {
    const { date: _, 'x-request-id': __, ...others } = headers
    return { status, headers: others, error: { ...body.error, request_id: null } }
  }

  /**
   * Time itself cannot be asserted. This compares what takes time: hashing, statements and the moment of release.
   *
   * @see GHSA-83cg, Zitadel; https://github.com/logto-io/logto/issues/8780
   */
  it('looks, hashes, queries and waits the same for every reason', async () => {
    const outcomes: Record<string, object> = {}
    for (const [cause, credentials] of Object.entries(await failing())) {
      statements.length = 0
      node.clock.waits.length = 0
      mock.timers.enable({ apis: ['Date'], now: Date.now() })
      let answer: Answer | undefined
      const hashing = await hashingOf(async () => {
        answer = await node.client().post('/v1/auth/login', credentials)
      })
      mock.timers.reset()
      assert.ok(answer)
      outcomes[cause] = {
        ...visible(answer),
        hashing: hashing.length,
        statements: statements.map(({ text }) => text),
        waits: [...node.clock.waits],
      }
    }
    const { unknown, ...others } = outcomes as Record<string, { status: number; hashing: number; waits: number[] }>
    assert.equal(unknown?.status, 401)
    assert.equal(unknown?.hashing, 1)
    assert.deepEqual(unknown?.waits, [1000])
    for (const [cause, outcome] of Object.entries(others)) assert.deepEqual(outcome, unknown, cause)
  })

  it('gives the browser no hint of the reason and no session', async () => {
    for (const [cause, credentials] of Object.entries(await failing())) {
      for (const delivery of ['cookie', 'body']) {
        const client = app.client()
        const answer = await client.post('/v1/auth/login', { ...credentials, token_delivery: delivery })
        assert.equal(answer.status, 401, cause)
        assert.equal(answer.body.error.code, 'invalid_credentials')
        assert.equal(answer.headers['set-cookie'], undefined)
        assert.equal(answer.headers['cache-control'], 'no-store')
        assert.equal(answer.headers['www-authenticate'], undefined)
      }
    }
  })
})

describe('a password at sign-in', () => {
  let app: TestApp
  before(async () => {
    app = await startApp()
  })
  after(() => app.close())

  const storedHash = async (userId: string): Promise<string> =>
    (await app.sql('SELECT password_hash FROM identsphere.users WHERE id = $1', [userId]))[0].password_hash

  /** An account with an imported hash. */
  async function imported(hash: string) {
    const person = await newPerson(app)
    await app.sql('UPDATE identsphere.users SET password_hash = $1 WHERE id = $2', [hash, person.userId])
    return person
  }

  const login = (email: string, secret: string) => app.client().post('/v1/auth/login', { email, password: secret })

  for (const variant of ['2a', '2b', '2y']) {
    it(`hashed with bcrypt ($${variant}$) is accepted and rehashed with Argon2id`, async () => {
      const { email, userId } = await imported((await bcrypt.hash(password, 4)).replace(/^\$2b/, `$$${variant}`))
      assert.equal((await login(email, `${password}x`)).status, 401)
      assert.match(await storedHash(userId), /^\$2/, 'a wrong password changes nothing')
      await signIn(app, email)
      const hash = await storedHash(userId)
      assert.match(hash, current)
      await signIn(app, email)
      assert.equal(await storedHash(userId), hash, 'a current hash stays')
      assert.equal((await login(email, `${password}x`)).status, 401)
    })
  }

  it('hashed with weaker Argon2 parameters is rehashed; a stronger hash stays', async () => {
    for (const weak of [
      await argon2(password, { memoryCost: 8192, timeCost: 2, parallelism: 1 }),
      await argon2(password, { memoryCost: 19_456, timeCost: 2, parallelism: 1, type: argon2i }),
    ]) {
      const { email, userId } = await imported(weak)
      await signIn(app, email)
      assert.match(await storedHash(userId), current)
    }
    const strong = await argon2(password, { memoryCost: 24_000, timeCost: 3, parallelism: 1 })
    const { email, userId } = await imported(strong)
    await signIn(app, email)
    assert.equal(await storedHash(userId), strong)
  })

  it('is rehashed without ending a session, even by parallel logins', async () => {
    const { email, userId, client } = await imported(await bcrypt.hash(password, 4))
    await Promise.all(Array.from({ length: 5 }, () => signIn(app, email)))
    assert.match(await storedHash(userId), current)
    assert.equal((await client.get('/v1/auth/session')).status, 200)
    await signIn(app, email)
  })

  it('matches in every Unicode form, even with an imported hash', async () => {
    const composed = 'Zürich-Ångström-é-7'.normalize('NFC')
    const decomposed = composed.normalize('NFD')
    const { email } = await signUp(app, { password: decomposed })
    for (const typed of [composed, decomposed]) await signIn(app, email, typed)
    const other = await imported(await bcrypt.hash(composed, 4))
    await signIn(app, other.email, decomposed)
  })

  /** bcrypt reads 72 bytes. Every longer password would match every other with the same beginning. */
  it('never matches a bcrypt hash if longer than 72 bytes', async () => {
    const long = 'x'.repeat(73)
    const { email, userId } = await imported(await bcrypt.hash(long, 4))
    for (const secret of [long, `${'x'.repeat(72)}y`, 'x'.repeat(200)]) {
      assert.equal((await login(email, secret)).status, 401)
    }
    assert.match(await storedHash(userId), /^\$2b/)
    const exact = await imported(await bcrypt.hash('x'.repeat(72), 4))
    await signIn(app, exact.email, 'x'.repeat(72))
  })

  it('is rejected before hashing if empty, too long or malformed', async () => {
    const { email, userId } = await imported(await bcrypt.hash('abcdefghijkl', 4))
    const hashing = await hashingOf(async () => {
      for (const secret of [
        'abcdefghijkl\u0000',
        'abcdefghijkl\u0000abcdefghijkl',
        'a\ud800bcdefghijkl',
        '',
        'x'.repeat(10_240),
      ]) {
        for (const [path, body] of [
          ['/v1/auth/login', { email, password: secret }],
          ['/v1/auth/register', { email: 'new@example.com', password: secret, organization_name: 'New' }],
        ] as const) {
          const answer = await app.client().post(path, body)
          assert.equal(answer.status, 400, answer.text)
        }
      }
    })
    assert.deepEqual(hashing, [])
    assert.match(await storedHash(userId), /^\$2b/)
  })

  it('may have 256 characters of four bytes, but not 257', async () => {
    const emoji = Array.from({ length: 256 }, (_, index) => String.fromCodePoint(0x1f300 + index)).join('')
    const { email } = await signUp(app, { password: emoji })
    await signIn(app, email, emoji)
    const body = { email: 'long@example.com', password: `${emoji}x`, organization_name: 'Long' }
    const answer = await app.client().post('/v1/auth/register', body)
    assert.equal(answer.status, 400)
    assert.deepEqual(answer.body.error.details, [{ path: 'password', message: 'Use at most 256 characters.' }])
  })

  it('is rejected before hashing unless it is text', async () => {
    const { email } = await newPerson(app)
    const hashing = await hashingOf(async () => {
      for (const secret of [null, 7, true, [password], { $ne: null }, { length: 12 }, undefined]) {
        assert.equal((await app.client().post('/v1/auth/login', { email, password: secret })).status, 400)
      }
      for (const address of [null, 7, true, [email], { $ne: null }, undefined]) {
        assert.equal((await app.client().post('/v1/auth/login', { email: address, password })).status, 400)
      }
    })
    assert.deepEqual(hashing, [])
  })

  it('begins a new session regardless of the session cookies sent', async () => {
    const { client, email, sessionId } = await newPerson(app)
    const before = { at: client.cookie('at'), rt: client.cookie('rt'), csrf: client.cookie('csrf') }
    const answer = await client.post('/v1/auth/login', { email, password })
    assert.equal(answer.status, 200, answer.text)
    assert.notEqual(answer.body.session.id, sessionId)
    for (const name of ['at', 'rt', 'csrf'] as const) assert.notEqual(client.cookie(name), before[name])
  })
})
