import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { z } from 'zod'
import { IdentSphereError } from '../../../lib/core/errors.js'
import { password, signIn, signUp, startApp, type TestApp } from '../../support/app.js'
import { hashingOf, statementsOf } from '../../support/work.js'

/** The number of rows in every table that a registration writes to. */
async function rows(app: TestApp): Promise<Record<string, number>> {
  const [counts] = await app.sql(`
    SELECT (SELECT count(*)::int FROM identsphere.users) AS users,
      (SELECT count(*)::int FROM identsphere.organizations) AS organizations,
      (SELECT count(*)::int FROM identsphere.organization_memberships) AS memberships,
      (SELECT count(*)::int FROM identsphere.user_sessions) AS sessions,
      (SELECT count(*)::int FROM identsphere.refresh_tokens) AS refresh_tokens,
      (SELECT count(*)::int FROM identsphere.audit_logs) AS audit_rows,
      (SELECT count(*)::int FROM identsphere.webhook_events) AS events`)
  return counts
}

const somebody = (changes: object = {}) => ({
  email: 'somebody@example.com',
  password,
  organization_name: 'Example Works',
  ...changes,
})

describe('registration', () => {
  let app: TestApp
  before(async () => {
    app = await startApp()
  })
  after(() => app.close())

  it('creates user, organization, owner membership, session and audit row together', async () => {
    const client = app.client()
    const answer = await client.post('/v1/auth/register', {
      email: 'Ada@Example.com',
      password,
      display_name: 'Ada',
      organization_name: 'Analytical Engines',
    })
    assert.equal(answer.status, 201, answer.text)
    assert.equal(answer.body.status, 'success')
    assert.equal(answer.body.user.email, 'ada@example.com')
    assert.equal(answer.body.capabilities.role, 'owner')
    assert.equal(answer.body.access_token, undefined)
    const session = await client.get('/v1/auth/session')
    assert.equal(session.status, 200, session.text)
    const [audit] = await app.sql(`SELECT count(*)::int FROM identsphere.audit_logs WHERE action = 'auth.register'`)
    assert.equal(audit.count, 1)
  })

  it('signs in, refreshes, lists and ends sessions', async () => {
    const { email, client } = await signUp(app)
    const other = app.client()
    const login = await other.post('/v1/auth/login', { email, password })
    assert.equal(login.status, 200, login.text)
    const refreshed = await other.post('/v1/auth/refresh')
    assert.equal(refreshed.status, 200, refreshed.text)
    const list = await client.get('/v1/users/me/sessions')
    assert.equal(list.body.sessions.length, 2)
    const others = await client.delete('/v1/users/me/sessions')
    assert.equal(others.status, 204, others.text)
    assert.equal((await other.get('/v1/auth/session')).status, 401)
    assert.equal((await client.post('/v1/auth/logout')).status, 204)
    assert.equal((await client.get('/v1/auth/session')).status, 401)
  })

  it('answers 409 for a taken address and keeps nothing of the attempt', async () => {
    const { email } = await signUp(app)
    const before = await rows(app)
    const answer = await app
      .client()
      .post('/v1/auth/register', somebody({ email: email.toUpperCase(), organization_slug: 'of-a-taken-address' }))
    assert.equal(answer.status, 409, answer.text)
    assert.deepEqual(answer.body.error.details, [{ path: 'email', message: 'is taken' }])
    assert.equal(answer.headers['set-cookie'], undefined)
    assert.deepEqual(await rows(app), before)
  })

  it('answers 409 for a taken slug and keeps nothing of the attempt', async () => {
    const slug = { organization_slug: 'one-and-only' }
    const first = await app.client().post('/v1/auth/register', somebody({ email: 'first@example.com', ...slug }))
    assert.equal(first.status, 201, first.text)
    const before = await rows(app)
    const second = await app.client().post('/v1/auth/register', somebody({ email: 'second@example.com', ...slug }))
    assert.equal(second.status, 409, second.text)
    assert.deepEqual(second.body.error.details, [{ path: 'organization_slug', message: 'is taken' }])
    assert.deepEqual(await rows(app), before)
  })

  it('gives organizations of the same name different slugs', async () => {
    for (const number of [1, 2, 3]) await signUp(app, { organization_name: `Ångström & Söhne${' '.repeat(number)}` })
    const found = await app.sql(`SELECT slug FROM identsphere.organizations WHERE name = 'Ångström & Söhne'`)
    const slugs = found.map((row) => row.slug)
    assert.equal(new Set(slugs).size, 3)
    for (const slug of slugs) assert.match(slug, /^angstrom-sohne(-[a-z0-9]{6})?$/)
  })

  it('creates one account for 20 parallel registrations of one address', async () => {
    const before = await rows(app)
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        app
          .client()
          .post('/v1/auth/register', somebody({ email: index % 2 === 0 ? 'Race@Example.com' : 'race@example.COM' })),
      ),
    )
    assert.deepEqual(answers.map((answer) => answer.status).sort(), [201, ...Array(19).fill(409)])
    const after = await rows(app)
    for (const name of ['users', 'organizations', 'memberships', 'sessions', 'refresh_tokens', 'events']) {
      assert.equal(after[name], (before[name] ?? 0) + 1, name)
    }
  })

  it('creates one organization for 10 parallel registrations of one slug', async () => {
    const before = await rows(app)
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        app
          .client()
          .post('/v1/auth/register', somebody({ email: `slug${index}@example.com`, organization_slug: 'raced' })),
      ),
    )
    assert.deepEqual(answers.map((answer) => answer.status).sort(), [201, ...Array(9).fill(409)])
    const after = await rows(app)
    assert.equal(after.users, (before.users ?? 0) + 1)
    assert.equal(after.organizations, (before.organizations ?? 0) + 1)
  })

  it('creates an organization for each of 10 parallel registrations of one name', async () => {
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        app
          .client()
          .post('/v1/auth/register', somebody({ email: `name${index}@example.com`, organization_name: 'Same Name' })),
      ),
    )
    assert.deepEqual(
      answers.map((answer) => answer.status),
      Array(10).fill(201),
    )
    const found = await app.sql(`
      SELECT o.slug, m.role FROM identsphere.organizations o
      JOIN identsphere.organization_memberships m ON m.organization_id = o.id WHERE o.name = 'Same Name'`)
    assert.equal(new Set(found.map(({ slug }) => slug)).size, 10)
    for (const { slug, role } of found) {
      assert.match(slug, /^same-name(-[a-z0-9]{6})?$/)
      assert.equal(role, 'owner')
    }
  })

  it('forgets what strangers spent on the address before', async () => {
    const email = 'guessed-before@example.com'
    await Promise.all(
      Array.from({ length: 3 }, () => app.client().post('/v1/auth/login', { email, password: 'a-lone-heron-wades' })),
    )
    const shared = `SELECT count(*)::int AS count FROM identsphere.budgets WHERE key LIKE 'password:%:networks'`
    const before = (await app.sql(shared))[0].count
    assert.equal((await app.client().post('/v1/auth/register', somebody({ email }))).status, 201)
    assert.equal((await app.sql(shared))[0].count, before - 1)
  })

  it('takes one transaction of five statements, and none for the answer', async () => {
    const register = (email: string) => app.client().post('/v1/auth/register', somebody({ email }))
    await register('uncounted@example.com')
    let status = 0
    const texts = await statementsOf(async () => {
      status = (await register('counted@example.com')).status
    })
    assert.equal(status, 201)
    // A name that is taken costs a second attempt at the organization.
    const slugs = texts.filter((text) => text.includes('ON CONFLICT (slug)')).length
    assert.equal(slugs, 2, texts.join('\n'))
    assert.equal(texts.length - (slugs - 1), 7, texts.join('\n'))
    assert.match(texts[0] ?? '', /^BEGIN/)
    assert.match(texts.at(-1) ?? '', /^COMMIT/)
  })

  /**
   * @see CVE-2026-54693, Zitadel
   * @see https://github.com/better-auth/better-auth/issues/9965
   */
  it('rejects a body with role, status, verified flags, organization or owner', async () => {
    const before = await rows(app)
    for (const field of [
      'role',
      'status',
      'email_verified',
      'email_verified_at',
      'is_platform_admin',
      'organization_id',
      'owner_id',
      'user_id',
      'id',
      'mfa_enabled',
      'security_version',
      'password_hash',
      'external_id',
      'fields',
    ]) {
      const answer = await app.client().post('/v1/auth/register', somebody({ [field]: true }))
      assert.equal(answer.status, 400, field)
      assert.deepEqual(answer.body.error.details, [{ path: field, message: 'is not a known field' }])
    }
    assert.deepEqual(await rows(app), before)
  })

  it('names every wrong field and never repeats its value', async () => {
    const answer = await app.client().post('/v1/auth/register', {
      email: 'secret-of-mine',
      password: '',
      organization_name: '',
      organization_slug: 'Secret Of Mine',
      token_delivery: 'secret-of-mine',
    })
    assert.equal(answer.status, 400)
    const paths = answer.body.error.details.map((detail: { path: string }) => detail.path)
    assert.deepEqual(paths.sort(), ['email', 'organization_name', 'organization_slug', 'password', 'token_delivery'])
    assert.doesNotMatch(answer.text, /secret.of.mine/i)
  })

  it('stores the password as an Argon2id hash only', async () => {
    const secret = 'four-lone-heron-wades-9'
    const { userId } = await signUp(app, { password: secret })
    const [user] = await app.sql('SELECT password_hash FROM identsphere.users WHERE id = $1', [userId])
    assert.match(user.password_hash, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
    const [found] = await app.sql(
      `SELECT count(*)::int FROM (
         SELECT u::text AS row FROM identsphere.users u UNION ALL SELECT a::text FROM identsphere.audit_logs a
         UNION ALL SELECT e::text FROM identsphere.webhook_events e) everything WHERE row LIKE $1`,
      [`%${secret}%`],
    )
    assert.equal(found.count, 0)
    assert.ok(!app.log.lines.some((line) => line.includes(secret)))
  })

  it('gives native clients tokens in the body and sets no cookie', async () => {
    const answer = await app
      .client()
      .post('/v1/auth/register', somebody({ email: 'native@example.com', token_delivery: 'body' }))
    assert.equal(answer.status, 201, answer.text)
    assert.equal(answer.headers['set-cookie'], undefined)
    assert.equal(answer.body.csrf_token, undefined)
    const authorization = `Bearer ${answer.body.access_token}`
    const session = await app.client().get('/v1/auth/session', { headers: { authorization } })
    assert.equal(session.status, 200, session.text)
  })
})

/** @see CVE-2026-29193, Zitadel: a policy that only the page enforced */
describe('a registration that is not open', () => {
  for (const mode of ['closed', 'invitation'] as const) {
    it(`is refused by the route before anything is hashed (${mode})`, async () => {
      const app = await startApp({ registration: { mode } })
      try {
        const client = app.client()
        const hashing = await hashingOf(async () => {
          for (const body of [somebody(), somebody({ token_delivery: 'body' })]) {
            const answer = await client.post('/v1/auth/register', body)
            assert.equal(answer.status, 403, answer.text)
            assert.equal(answer.body.error.code, 'forbidden')
          }
        })
        assert.deepEqual(hashing, [])
        assert.deepEqual(new Set(Object.values(await rows(app))), new Set([0]))
      } finally {
        await app.close()
      }
    })
  }
})

describe('the organization of a new account', () => {
  it('must be named in the body if required', async () => {
    const app = await startApp()
    try {
      const { organization_name: _, ...without } = somebody()
      const answer = await app.client().post('/v1/auth/register', without)
      assert.equal(answer.status, 400)
      assert.equal(answer.body.error.details[0].path, 'organization_name')
    } finally {
      await app.close()
    }
  })

  it('takes its name of 1 to 100 characters from the user if personal', async () => {
    const app = await startApp({ registration: { organization: 'personal' } })
    try {
      const long = 'Ω'.repeat(200)
      for (const [email, displayName, expected] of [
        ['grace@example.com', 'Grace Hopper', 'Grace Hopper'],
        ['plain@example.com', undefined, 'plain'],
        ['empty@example.com', '', 'empty'],
        ['blank@example.com', '   ', 'blank'],
        ['long@example.com', long, long.slice(0, 100)],
      ]) {
        const answer = await app.client().post('/v1/auth/register', { email, password, display_name: displayName })
        assert.equal(answer.status, 201, answer.text)
        assert.equal(answer.body.capabilities.role, 'owner')
        const [organization] = await app.sql('SELECT name, slug FROM identsphere.organizations WHERE id = $1', [
          answer.body.user.organization_id,
        ])
        assert.equal(organization.name, expected)
        assert.match(organization.slug, /^[a-z0-9-]{1,100}$/)
      }
      const named = await app.client().post('/v1/auth/register', somebody())
      assert.equal(named.status, 400, 'a personal organization has no name of its own')
    } finally {
      await app.close()
    }
  })

  it('is absent if the setting is none, and then every role guard denies', async () => {
    const app = await startApp({
      registration: { organization: 'none' },
      routes: (host, identsphere) => {
        host.get('/members', identsphere.requireRole('viewer'), (_request, response) => void response.end())
      },
    })
    try {
      const client = app.client()
      const answer = await client.post('/v1/auth/register', { email: 'alone@example.com', password })
      assert.equal(answer.status, 201, answer.text)
      assert.equal(answer.body.user.organization_id, null)
      assert.deepEqual(answer.body.capabilities, { role: null, permissions: [] })
      assert.equal((await rows(app)).organizations, 0)
      assert.equal((await client.get('/v1/auth/session')).status, 200)
      assert.equal((await client.get('/members')).status, 403)
      const slug = await app
        .client()
        .post('/v1/auth/register', { email: 'b@example.com', password, organization_slug: 's' })
      assert.equal(slug.status, 400)
    } finally {
      await app.close()
    }
  })
})

describe('hooks of the host', () => {
  it('add rows in the same transaction by beforeRegister, with parsed fields', async () => {
    const app = await startApp({
      registration: {
        fields: z.strictObject({ plan: z.enum(['free', 'team']).default('free'), seats: z.coerce.number() }),
      },
      hooks: {
        async beforeRegister(tx, { userId, email, displayName, organizationId, fields }) {
          await tx.raw('INSERT INTO profiles VALUES (?, ?)', [
            userId,
            JSON.stringify({ email, displayName, organizationId, fields }),
          ])
        },
      },
    })
    try {
      await app.sql('CREATE TABLE profiles (user_id uuid PRIMARY KEY REFERENCES identsphere.users, facts jsonb)')
      const client = app.client()
      const answer = await client.post('/v1/auth/register', somebody({ fields: { seats: '3' } }))
      assert.equal(answer.status, 201, answer.text)
      const { user } = answer.body
      assert.deepEqual(await app.sql('SELECT user_id, facts FROM profiles'), [
        {
          user_id: user.user_id,
          facts: {
            email: 'somebody@example.com',
            displayName: null,
            organizationId: user.organization_id,
            fields: { plan: 'free', seats: 3 },
          },
        },
      ])
      for (const [fields, path, message] of [
        [{ seats: '3', plan: 'all' }, 'fields.plan', 'must be "free" or "team"'],
        [undefined, 'fields.seats', 'must be of type number'],
        ['text', 'fields'],
        [{ seats: 1, is_admin: true }, 'fields'],
      ]) {
        const refused = await app.client().post('/v1/auth/register', somebody({ email: 'x@example.com', fields }))
        assert.equal(refused.status, 400, refused.text)
        assert.equal(refused.body.error.details[0].path, path)
        if (message) assert.equal(refused.body.error.details[0].message, message)
      }
    } finally {
      await app.close()
    }
  })

  it('roll back everything if beforeRegister throws, and hide unknown errors', async () => {
    let failure: unknown
    const app = await startApp({
      hooks: {
        async beforeRegister(tx, { userId }) {
          await tx.raw('INSERT INTO profiles VALUES (?)', [userId])
          throw failure
        },
      },
    })
    try {
      await app.sql('CREATE TABLE profiles (user_id uuid)')
      for (const [thrown, status, code] of [
        [new IdentSphereError('forbidden', { message: 'Ask your administrator.' }), 403, 'forbidden'],
        [new Error('the host has a problem at 10.0.0.7'), 500, 'internal_error'],
        [undefined, 500, 'internal_error'],
      ] as const) {
        failure = thrown
        const answer = await app.client().post('/v1/auth/register', somebody())
        assert.equal(answer.status, status, answer.text)
        assert.equal(answer.body.error.code, code)
        assert.doesNotMatch(answer.text, /10\.0\.0\.7/)
        assert.equal(answer.headers['set-cookie'], undefined)
      }
      assert.deepEqual(new Set(Object.values(await rows(app))), new Set([0]))
      assert.deepEqual(await app.sql('SELECT * FROM profiles'), [])
    } finally {
      await app.close()
    }
  })

  it('prevent a session if beforeSignIn throws', async () => {
    let refuses = false
    const app = await startApp({
      hooks: {
        beforeSignIn(_tx, { authMethod }) {
          if (refuses) throw new IdentSphereError('forbidden', { message: `No sign-in by ${authMethod} today.` })
        },
      },
    })
    try {
      const { email } = await signUp(app)
      refuses = true
      const client = app.client()
      const answer = await client.post('/v1/auth/login', { email, password })
      assert.equal(answer.status, 403)
      assert.equal(answer.body.error.message, 'No sign-in by password today.')
      assert.equal(client.cookies.size, 0)
      assert.equal((await rows(app)).sessions, 1)
    } finally {
      await app.close()
    }
  })

  it('run after the commit if named on…, and their failure breaks nothing', async () => {
    const called: string[] = []
    const app: TestApp = await startApp({
      hooks: {
        async onRegister({ actorId, resource }) {
          const [user] = await app.sql('SELECT id FROM identsphere.users WHERE id = $1', [actorId])
          called.push(`onRegister ${user?.id === actorId && resource?.type === 'user'}`)
          throw new Error('onRegister failed')
        },
        onSignIn() {
          called.push('onSignIn')
          throw new Error('onSignIn failed')
        },
        onPasswordChanged() {
          called.push('onPasswordChanged')
          return new Promise(() => {})
        },
        async onSessionRevoked() {
          called.push('onSessionRevoked')
          throw undefined
        },
        onSignOut() {
          called.push('onSignOut')
          throw Object.create(null)
        },
      },
    })
    const fatal: unknown[] = []
    const onRejection = (reason: unknown) => void fatal.push(reason)
    process.on('unhandledRejection', onRejection)
    try {
      const { client, email } = await signUp(app)
      await signIn(app, email)
      const change = { current_password: password, new_password: 'four-lone-heron-wades-9' }
      assert.equal((await client.post('/v1/users/me/password', change)).status, 204)
      assert.equal((await client.post('/v1/auth/logout')).status, 204)
      await new Promise((resolve) => setImmediate(resolve))
      assert.deepEqual(
        [...new Set(called)].sort(),
        ['onPasswordChanged', 'onRegister true', 'onSessionRevoked', 'onSignIn', 'onSignOut'].sort(),
      )
      for (const hook of ['onRegister', 'onSignIn']) {
        assert.ok(app.log.lines.some((line) => line.startsWith('error') && line.includes(`${hook} failed`)))
      }
      assert.deepEqual(fatal, [])
    } finally {
      process.off('unhandledRejection', onRejection)
      await app.close()
    }
  })

  it('named on… never run after a rollback', async () => {
    const called: string[] = []
    const app = await startApp({
      hooks: {
        beforeSignIn: () => {
          throw new IdentSphereError('forbidden')
        },
        onRegister: () => void called.push('onRegister'),
        onSignIn: () => void called.push('onSignIn'),
      },
    })
    try {
      assert.equal((await app.client().post('/v1/auth/register', somebody())).status, 403)
      assert.deepEqual(called, [])
      assert.deepEqual(new Set(Object.values(await rows(app))), new Set([0]))
    } finally {
      await app.close()
    }
  })
})
