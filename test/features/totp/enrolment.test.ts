import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { password, signIn, startApp, type TestApp } from '../../support/app.js'
import type { Client } from '../../support/client.js'
import { mailsTo } from '../../support/mail.js'
import { challenged, enrol, reauthenticate, setup, totp, wrongCode } from '../../support/mfa.js'
import { verifiedPerson } from '../../support/people.js'

let app: TestApp
before(async () => {
  app = await startApp({
    routes: (express, { requireAuth, requireRecentMfa }) => {
      express.get('/plain', requireAuth(), (_req, res) => void res.json({}))
      express.get('/delicate', requireRecentMfa(), (_req, res) => void res.json({}))
    },
  })
})
after(() => app.close())

const statusOf = async (client: Client, path: string) => (await client.get(path)).status
const enabledFactors = (userId: string) =>
  app.sql('SELECT id FROM identsphere.mfa_factors WHERE user_id = $1 AND confirmed_at IS NOT NULL', [userId])

/** A new browser, signed in with both factors. Moves the clock by one time step. */
async function signInWithApp(person: Awaited<ReturnType<typeof enrol>>): Promise<Client> {
  app.clock.advance(30)
  const client = app.client()
  const mfaToken = await challenged(app, person.email, client)
  const answer = await client.post('/v1/auth/mfa/challenge', { mfa_token: mfaToken, code: person.code() })
  assert.equal(answer.status, 200, answer.text)
  return client
}

/** @see GHSA supabase/auth #1439, #2565, #2607 */
describe('the first enrollment', () => {
  it('requires and uses up a reauthentication with its purpose', async () => {
    const { client } = await verifiedPerson(app)
    const refused = async (why: string) => {
      const { status, body } = await client.post('/v1/auth/mfa/setup')
      assert.equal(status, 401, why)
      assert.equal(body.error.code, 'reauthentication_required', why)
      assert.deepEqual(body.error.details, { purpose: 'mfa_setup' })
    }
    await refused('only signed in')
    await reauthenticate(client)
    await refused('without a purpose')
    await reauthenticate(client, 'passkey_registration')
    await refused('with another purpose')
    await reauthenticate(client, 'mfa_setup')
    await setup(client)
    await refused('used up')
  })

  it('starts once if requested in parallel', async () => {
    const { client } = await verifiedPerson(app)
    await reauthenticate(client, 'mfa_setup')
    const answers = await Promise.all(Array.from({ length: 10 }, () => client.post('/v1/auth/mfa/setup')))
    assert.equal(answers.filter(({ status }) => status === 200).length, 1)
  })

  it('requires a reauthentication within the last 10 minutes', async () => {
    const { client } = await verifiedPerson(app)
    await reauthenticate(client, 'mfa_setup')
    app.clock.advance(601)
    assert.equal((await client.post('/v1/auth/mfa/setup')).body.error.code, 'reauthentication_required')
  })

  it('is refused if the address was never verified', async () => {
    const { client, userId } = await verifiedPerson(app)
    await app.sql('UPDATE identsphere.users SET email_verified_at = NULL WHERE id = $1', [userId])
    await reauthenticate(client, 'mfa_setup')
    const { status, body } = await client.post('/v1/auth/mfa/setup')
    assert.equal(status, 403)
    assert.equal(body.error.code, 'forbidden')
  })

  it('is refused to an impersonator', async () => {
    const { client, sessionId } = await verifiedPerson(app)
    const admin = await verifiedPerson(app)
    await reauthenticate(client, 'mfa_setup')
    await app.sql('UPDATE identsphere.user_sessions SET impersonator_id = $1 WHERE id = $2', [admin.userId, sessionId])
    assert.equal((await client.post('/v1/auth/mfa/setup')).status, 403)
  })

  it('returns a secret with its otpauth URL and QR code', async () => {
    const { client, email } = await verifiedPerson(app)
    await reauthenticate(client, 'mfa_setup')
    const { body } = await client.post('/v1/auth/mfa/setup')
    assert.match(body.secret, /^[A-Z2-7]{32}$/)
    const url = new URL(body.otpauth_url)
    assert.equal(url.searchParams.get('secret'), body.secret)
    assert.equal(decodeURIComponent(url.pathname), `/localhost:${email}`)
    const png = Buffer.from(body.qr_code_base64, 'base64')
    assert.deepEqual([...png.subarray(0, 8)], [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  })
})

describe('a pending enrollment', () => {
  /** @see GHSA better-auth #8711, #8627 */
  it('neither affects sign-in nor counts as a factor', async () => {
    const { client, email } = await verifiedPerson(app)
    await reauthenticate(client, 'mfa_setup')
    const secret = await setup(client)
    assert.deepEqual((await client.get('/v1/auth/mfa/status')).body, {
      enabled: false,
      methods: [],
      recovery_codes_left: 0,
    })
    assert.equal((await app.client().post('/v1/auth/login', { email, password })).body.status, 'success')
    const stepUp = await client.post('/v1/auth/mfa/verify', { code: totp(secret, app.clock.now()) })
    assert.equal(stepUp.status, 409)
    assert.deepEqual((await client.get('/delicate')).body.error.details, { enrolled: false, methods: [] })
  })

  it('is confirmed once it has begun, once, by a right code only', async () => {
    const { client } = await verifiedPerson(app)
    const enable = (code: string) => client.post('/v1/auth/mfa/enable', { code })
    assert.equal((await enable('123456')).status, 400)
    await reauthenticate(client, 'mfa_setup')
    const secret = await setup(client)
    assert.equal((await enable(wrongCode(secret, app.clock.now()))).status, 401)
    assert.equal((await enable(totp(secret, app.clock.now()))).status, 200)
    assert.equal((await enable(totp(secret, app.clock.now(), 1))).status, 409)
  })

  it('belongs to its session and expires after 10 minutes', async () => {
    const person = await verifiedPerson(app)
    const other = await signIn(app, person.email)
    await reauthenticate(person.client, 'mfa_setup')
    const secret = await setup(person.client)
    const code = () => ({ code: totp(secret, app.clock.now()) })
    assert.equal((await other.post('/v1/auth/mfa/enable', code())).status, 400)
    app.clock.advance(601)
    assert.equal((await person.client.post('/v1/auth/mfa/enable', code())).status, 400)
    assert.deepEqual(await enabledFactors(person.userId), [])
  })

  it('is confirmed once in parallel, with one set of recovery codes', async () => {
    const { client, userId } = await verifiedPerson(app)
    await reauthenticate(client, 'mfa_setup')
    const code = totp(await setup(client), app.clock.now())
    const answers = await Promise.all(Array.from({ length: 10 }, () => client.post('/v1/auth/mfa/enable', { code })))
    assert.equal(answers.filter(({ status }) => status === 200).length, 1)
    assert.equal((await enabledFactors(userId)).length, 1)
    const [{ count }] = await app.sql('SELECT count(*) FROM identsphere.user_recovery_codes WHERE user_id = $1', [
      userId,
    ])
    assert.equal(Number(count), 10)
  })

  it('limits the attempts at its code', async () => {
    const { client } = await verifiedPerson(app)
    await reauthenticate(client, 'mfa_setup')
    const secret = await setup(client)
    const code = wrongCode(secret, app.clock.now())
    for (let miss = 0; miss < 5; miss += 1)
      assert.equal((await client.post('/v1/auth/mfa/enable', { code })).status, 401)
    const refused = await client.post('/v1/auth/mfa/enable', { code: totp(secret, app.clock.now()) })
    assert.equal(refused.status, 429)
    assert.ok(Number(refused.headers['retry-after']) > 0)
  })
})

describe('an enabled app', () => {
  it('counts as verified in its own session only, and keeps the others', async () => {
    const person = await verifiedPerson(app)
    const other = await signIn(app, person.email)
    await app.sql('UPDATE identsphere.user_sessions SET mfa_verified_at = now() WHERE user_id = $1', [person.userId])
    const { client } = await enrol(app, person)
    assert.equal(await statusOf(client, '/delicate'), 200)
    assert.equal(await statusOf(other, '/plain'), 200)
    assert.equal(await statusOf(other, '/delicate'), 401)
    const { session, user } = (await client.get('/v1/auth/session')).body
    assert.deepEqual(session.amr, ['pwd', 'otp', 'mfa'])
    assert.ok(user.mfa_verified_at)
  })

  it('is stored sealed and cannot be opened in another row', async () => {
    const mine = await enrol(app)
    const theirs = await enrol(app)
    const [row] = await app.sql('SELECT * FROM identsphere.mfa_factors WHERE user_id = $1', [mine.userId])
    assert.doesNotMatch(JSON.stringify(row), new RegExp(mine.secret))
    const everything = await app.sql(
      `SELECT metadata::text AS text FROM identsphere.audit_logs UNION ALL SELECT payload::text FROM identsphere.webhook_events`,
    )
    for (const { text } of everything) assert.doesNotMatch(text, new RegExp(`${mine.secret}|${mine.recoveryCodes[0]}`))
    await app.sql(
      `UPDATE identsphere.mfa_factors f SET sealed_secret = o.sealed_secret, key_version = o.key_version
       FROM identsphere.mfa_factors o WHERE f.user_id = $1 AND o.user_id = $2`,
      [mine.userId, theirs.userId],
    )
    const mfaToken = await challenged(app, mine.email)
    const answer = await app.client().post('/v1/auth/mfa/challenge', { mfa_token: mfaToken, code: theirs.code(1) })
    assert.equal(answer.status, 500)
    assert.equal(answer.headers['set-cookie'], undefined)
  })

  it('prevents a node without its secret from starting', async () => {
    const secret = 'a-secret-that-is-newer-than-all-of-the-rows'
    const sealed = await startApp({ secrets: [{ version: 7, value: secret }] })
    try {
      await enrol(sealed)
      await sealed.sql('DELETE FROM identsphere.audit_subject_keys')
      for (const kept of ['mfa_factors', 'user_recovery_codes']) {
        const node = await sealed.node({ secrets: [{ version: 8, value: `${secret}-8` }], publicBaseUrl: sealed.url })
        await assert.rejects(node.identsphere.ready(), /lacks version 7/, kept)
        await sealed.sql('DELETE FROM identsphere.mfa_factors')
      }
    } finally {
      await sealed.close()
    }
  })

  it('notifies the user and is recorded', async () => {
    const { email, userId } = await enrol(app)
    assert.ok((await mailsTo(app, email)).some(({ subject }) => /^Two-step sign-in was turned on/.test(subject)))
    const rows = await app.sql(
      `SELECT actor_id FROM identsphere.audit_logs WHERE action = 'auth.mfa.enabled' AND actor_id = $1`,
      [userId],
    )
    assert.equal(rows.length, 1)
    const events = await app.sql(`SELECT payload FROM identsphere.webhook_events WHERE event = 'mfa.enabled'`)
    assert.ok(events.some(({ payload }) => payload.user_id === userId))
  })

  it('is exported without its secret and erased with the account', async () => {
    const { client, userId, secret } = await enrol(app)
    const exported = await client.get('/v1/users/me/export')
    assert.equal(exported.body.second_factors.factors.length, 1)
    assert.equal(exported.body.second_factors.recovery_codes.length, 10)
    assert.doesNotMatch(exported.text, new RegExp(`${secret}|sealed|hash`))
    assert.equal((await client.delete('/v1/users/me')).status, 204)
    for (const table of ['mfa_factors', 'mfa_challenges', 'user_recovery_codes']) {
      assert.deepEqual(await app.sql(`SELECT id FROM identsphere.${table} WHERE user_id = $1`, [userId]), [], table)
    }
  })
})

describe('the replacement of an app', () => {
  it('requires recent authentication and the existing factor', async () => {
    const person = await enrol(app)
    await app.sql('UPDATE identsphere.user_sessions SET mfa_verified_at = NULL WHERE user_id = $1', [person.userId])
    await reauthenticate(person.client, 'mfa_setup')
    const { status, body } = await person.client.post('/v1/auth/mfa/setup')
    assert.equal(status, 401)
    assert.equal(body.error.code, 'mfa_required')
    assert.deepEqual(body.error.details, { enrolled: true, methods: ['totp'] })
    const fresh = await signInWithApp(person)
    app.clock.advance(601)
    assert.equal((await fresh.post('/v1/auth/mfa/setup')).body.error.code, 'reauthentication_required')
  })

  /** @see GHSA better-auth #8711, #8627 */
  it('takes effect on confirmation, and ends the old codes and other sessions', async () => {
    const person = await enrol(app)
    const other = await signInWithApp(person)
    const secret = await setup(person.client)
    app.clock.advance(30)
    const byOld = await app.client().post('/v1/auth/mfa/challenge', {
      mfa_token: await challenged(app, person.email),
      code: person.code(),
    })
    assert.equal(byOld.status, 200)
    const enabled = await person.client.post('/v1/auth/mfa/enable', { code: totp(secret, app.clock.now()) })
    assert.equal(enabled.status, 200, enabled.text)
    assert.equal(await statusOf(person.client, '/delicate'), 200)
    assert.equal(await statusOf(other, '/plain'), 401)
    app.clock.advance(30)
    const answer = async (given: object) =>
      (await app.client().post('/v1/auth/mfa/challenge', { mfa_token: await challenged(app, person.email), ...given }))
        .status
    assert.equal(await answer({ code: person.code() }), 401)
    assert.equal(await answer({ recovery_code: person.recoveryCodes[0] }), 401)
    assert.equal(await answer({ code: totp(secret, app.clock.now()) }), 200)
    assert.equal((await enabledFactors(person.userId)).length, 1)
  })
})

describe('the removal of an app', () => {
  it('requires password and factor; a wrong attempt changes nothing', async () => {
    const person = await enrol(app)
    const off = (client: Client, given: object) => client.post('/v1/auth/mfa/disable', given)
    assert.equal((await off(person.client, { password: 'another-lone-heron-9' })).status, 401)
    assert.equal((await off(person.client, {})).status, 400)
    await app.sql('UPDATE identsphere.user_sessions SET mfa_verified_at = NULL WHERE user_id = $1', [person.userId])
    const { body } = await off(person.client, { password })
    assert.equal(body.error.code, 'mfa_required')
    assert.equal((await enabledFactors(person.userId)).length, 1)
  })

  it('ends other sessions, recovery codes and the factor of this session', async () => {
    const person = await enrol(app)
    const other = await signInWithApp(person)
    assert.equal((await person.client.post('/v1/auth/mfa/disable', { password })).status, 204)
    assert.equal(await statusOf(person.client, '/plain'), 200)
    assert.equal(await statusOf(person.client, '/delicate'), 401)
    assert.equal(await statusOf(other, '/plain'), 401)
    assert.equal((await person.client.get('/v1/auth/mfa/status')).body.recovery_codes_left, 0)
    assert.equal((await app.client().post('/v1/auth/login', { email: person.email, password })).body.status, 'success')
    assert.ok(
      (await mailsTo(app, person.email)).some(({ subject }) => /^Two-step sign-in was turned off/.test(subject)),
    )
    assert.equal((await person.client.post('/v1/auth/mfa/disable', { password })).status, 409)
  })

  it('requires recent authentication if the account has no password', async () => {
    const person = await enrol(app)
    await app.sql('UPDATE identsphere.users SET password_hash = NULL WHERE id = $1', [person.userId])
    app.clock.advance(601)
    const { body } = await person.client.post('/v1/auth/mfa/disable', {})
    assert.equal(body.error.code, 'reauthentication_required')
    await app.sql(
      `UPDATE identsphere.user_sessions SET auth_time = now() + interval '1 second' * $2 WHERE user_id = $1`,
      [person.userId, app.clock.offsetSeconds()],
    )
    assert.equal((await person.client.post('/v1/auth/mfa/recovery-codes', {})).status, 200)
    assert.equal((await person.client.post('/v1/auth/mfa/disable', {})).status, 204)
  })

  it('is refused to an impersonator', async () => {
    const { client, sessionId } = await enrol(app)
    const admin = await verifiedPerson(app)
    await app.sql('UPDATE identsphere.user_sessions SET impersonator_id = $1 WHERE id = $2', [admin.userId, sessionId])
    for (const path of ['disable', 'recovery-codes', 'setup']) {
      assert.equal((await client.post(`/v1/auth/mfa/${path}`, path === 'setup' ? {} : { password })).status, 403, path)
    }
  })
})
