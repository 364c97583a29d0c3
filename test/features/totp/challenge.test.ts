import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { BuiltIdentSphere } from '../../../lib/identsphere.js'
import { password, startApp, type TestApp } from '../../support/app.js'
import type { Answer, Client } from '../../support/client.js'
import { codeIn, mailTo, tokenIn } from '../../support/mail.js'
import { challenged, type Enrolled, enrol, wrongCode } from '../../support/mfa.js'
import { verifiedPerson } from '../../support/people.js'
import { recordingKnex } from '../../support/work.js'

let app: TestApp
before(async () => {
  app = await startApp({
    routes: (express, { requireAuth, requireRecentMfa, requirePlatformAdmin }) => {
      express.get('/plain', requireAuth(), (_req, res) => void res.json({}))
      express.get('/delicate', requireRecentMfa(), (_req, res) => void res.json({}))
      express.get('/platform', requirePlatformAdmin(), (_req, res) => void res.json({}))
    },
  })
})
after(() => app.close())

const answer = (mfaToken: string, code: string, client: Client = app.client()) =>
  client.post('/v1/auth/mfa/challenge', { mfa_token: mfaToken, code })
const wrong = ({ secret }: Enrolled) => wrongCode(secret, app.clock.now())
const liveSessions = async (userId: string) =>
  (await app.sql('SELECT id FROM identsphere.user_sessions WHERE user_id = $1 AND revoked_at IS NULL', [userId])).length

/** A user with an app whose next code is unused, and without failed attempts. */
async function enrolled(): Promise<Enrolled> {
  const person = await enrol(app)
  app.clock.advance(30)
  return person
}

/**
 * @see GHSA-xg6x, better-auth; CVE-2025-64103, Zitadel
 * @see CVE-2024-45042, Kratos
 */
describe('every first factor of a user with an app', () => {
  const firstFactors: Record<string, (email: string) => Promise<Answer>> = {
    'a password': (email) => app.client().post('/v1/auth/login', { email, password }),
    async 'a mailed code'(email) {
      const client = app.client()
      await client.post('/v1/auth/email-otp/request', { email })
      const code = codeIn(await mailTo(app, email, /sign-in code$/))
      return client.post('/v1/auth/email-otp/verify', { email, code })
    },
    async 'a mailed link'(email) {
      await app.client().post('/v1/auth/magic-link/request', { email })
      const token = tokenIn(await mailTo(app, email, /sign-in link$/))
      return app.client().post('/v1/auth/magic-link/verify', { token })
    },
    async 'a password reset by mail'(email) {
      await app.client().post('/v1/auth/password/forgot', { email })
      const token = tokenIn(await mailTo(app, email, /^Choose a new password/))
      return app.client().post('/v1/auth/password/reset', { token, new_password: 'four-lone-heron-wades-9' })
    },
  }
  const methods: Record<string, string> = {
    'a password': 'password_with_mfa',
    'a mailed code': 'email_otp_with_mfa',
    'a mailed link': 'magic_link_with_mfa',
    'a password reset by mail': 'password_with_mfa',
  }

  for (const [name, prove] of Object.entries(firstFactors)) {
    it(`requires the second: ${name} yields no session before the code`, async () => {
      const person = await enrolled()
      const before = await liveSessions(person.userId)
      const { status, headers, body } = await prove(person.email)
      assert.equal(status, 200)
      assert.deepEqual(Object.keys(body).sort(), ['methods', 'mfa_token', 'mfa_token_expires_in', 'status'])
      assert.equal(body.status, 'mfa_required')
      assert.equal(body.mfa_token_expires_in, 300)
      assert.deepEqual(body.methods, ['totp', 'recovery_code'])
      assert.equal(headers['set-cookie'], undefined)
      assert.ok((await liveSessions(person.userId)) <= before)

      const client = app.client()
      const success = await answer(body.mfa_token, person.code(), client)
      assert.equal(success.status, 200, success.text)
      assert.equal(success.body.user.auth_method, methods[name])
      assert.ok(success.body.session.amr.includes('otp') && success.body.session.amr.includes('mfa'))
      assert.ok(success.body.user.mfa_verified_at)
      assert.equal((await client.get('/delicate')).status, 200)
    })
  }

  it('yields a new session and cookie, even in a signed-in browser', async () => {
    const person = await enrolled()
    const before = person.client.cookie('at')
    const success = await answer(await challenged(app, person.email, person.client), person.code(), person.client)
    assert.equal(success.status, 200)
    assert.notEqual(person.client.cookie('at'), before)
    assert.notEqual(success.body.session.id, person.sessionId)
  })

  it('with the second makes a platform admin', async () => {
    const person = await enrolled()
    await app.sql('INSERT INTO identsphere.platform_admins (user_id, created_at) VALUES ($1, now())', [person.userId])
    const client = app.client()
    await answer(await challenged(app, person.email), person.code(), client)
    assert.equal((await client.get('/platform')).status, 200)
    await app.sql('UPDATE identsphere.user_sessions SET mfa_verified_at = NULL WHERE user_id = $1', [person.userId])
    assert.deepEqual((await client.get('/platform')).body.error.details, { enrolled: true, methods: ['totp'] })
  })

  it('with the second yields tokens in the body for native clients', async () => {
    const person = await enrolled()
    const { body, headers } = await app.client().post('/v1/auth/mfa/challenge', {
      mfa_token: await challenged(app, person.email),
      code: person.code(),
      token_delivery: 'body',
    })
    assert.equal(headers['set-cookie'], undefined)
    assert.ok(body.access_token && body.refresh_token && body.device_token)
  })
})

/**
 * @see RFC 6238 section 5.2
 * @see Logto #9109; hanko #2723
 */
describe('an authenticator code', () => {
  it('works once, and voids earlier codes', async () => {
    const person = await enrolled()
    app.clock.advance(60)
    const earlier = person.code(-1)
    const code = person.code()
    assert.equal((await answer(await challenged(app, person.email), code)).status, 200)
    assert.equal((await answer(await challenged(app, person.email), code)).status, 401)
    assert.equal((await answer(await challenged(app, person.email), earlier)).status, 401)
    assert.equal((await answer(await challenged(app, person.email), person.code(1))).status, 200)
  })

  it('that confirmed the enrollment counts as used', async () => {
    const person = await enrol(app)
    assert.equal((await answer(await challenged(app, person.email), person.code())).status, 401)
  })

  it('works once if used in 10 parallel challenges', async () => {
    const person = await enrolled()
    const tokens: string[] = []
    for (let count = 0; count < 10; count += 1) tokens.push(await challenged(app, person.email))
    const before = await liveSessions(person.userId)
    const code = person.code()
    const answers = await Promise.all(tokens.map((token) => answer(token, code)))
    assert.equal(answers.filter(({ status }) => status === 200).length, 1)
    assert.equal(await liveSessions(person.userId), before + 1)
  })

  it('works for a step-up or a sign-in, not both', async () => {
    const person = await enrolled()
    const code = person.code()
    assert.equal((await person.client.post('/v1/auth/mfa/verify', { code })).status, 200)
    assert.equal((await answer(await challenged(app, person.email), code)).status, 401)
  })
})

/** @see GHSA better-auth #9993; CVE-2023-47111, Zitadel */
describe('an MFA challenge', () => {
  it('expires after five minutes', async () => {
    const person = await enrolled()
    const mfaToken = await challenged(app, person.email)
    app.clock.advance(301)
    assert.equal((await answer(mfaToken, person.code())).status, 401)
  })

  it('works once, even for 10 parallel right answers', async () => {
    const person = await enrolled()
    const mfaToken = await challenged(app, person.email)
    const before = await liveSessions(person.userId)
    const code = person.code()
    const answers = await Promise.all(Array.from({ length: 10 }, () => answer(mfaToken, code)))
    assert.equal(answers.filter(({ status }) => status === 200).length, 1)
    assert.equal(await liveSessions(person.userId), before + 1)
    app.clock.advance(30)
    assert.equal((await answer(mfaToken, person.code())).status, 401)
  })

  it("rejects another user's code", async () => {
    const person = await enrolled()
    const other = await enrolled()
    assert.equal((await answer(await challenged(app, person.email), other.code())).status, 401)
  })

  it('is void after the fifth failed attempt, even for the right code', async () => {
    const person = await enrolled()
    const mfaToken = await challenged(app, person.email)
    for (let miss = 1; miss <= 4; miss += 1) assert.equal((await answer(mfaToken, wrong(person))).status, 401)
    const fifth = await answer(mfaToken, wrong(person))
    assert.equal(fifth.status, 429)
    assert.ok(Number(fifth.headers['retry-after']) > 0)
    app.clock.advance(60)
    assert.equal((await answer(mfaToken, person.code())).status, 429)
    const actions = await app.sql(
      `SELECT action, status FROM identsphere.audit_logs WHERE actor_id = $1 AND action LIKE 'auth.mfa.challenge.%'
       ORDER BY created_at, id`,
      [person.userId],
    )
    assert.deepEqual(
      actions.map(({ action }) => action),
      [...Array(4).fill('auth.mfa.challenge.failed'), 'auth.mfa.challenge.locked'],
    )
    assert.ok(actions.every(({ status }) => status === 'failure'))
  })

  it('evaluates one of 50 parallel answers after four failures, across nodes', async () => {
    const node = await app.node({ publicBaseUrl: app.url })
    const person = await enrolled()
    const mfaToken = await challenged(app, person.email)
    for (let miss = 1; miss <= 4; miss += 1) await answer(mfaToken, wrong(person))
    const code = wrong(person)
    const clients = Array.from({ length: 50 }, (_, index) => (index % 2 === 0 ? app : node).client())
    await Promise.all(clients.map((client) => answer(mfaToken, code, client)))
    const [{ attempts }] = await app.sql('SELECT attempts FROM identsphere.mfa_challenges WHERE user_id = $1', [
      person.userId,
    ])
    assert.equal(attempts, 5)
    const [{ count }] = await app.sql('SELECT count FROM identsphere.budgets WHERE key = $1', [`mfa:${person.userId}`])
    assert.equal(count, 5)
  })

  it('is void after a credential change', async () => {
    const person = await enrolled()
    const mfaToken = await challenged(app, person.email)
    const changed = await person.client.post('/v1/users/me/password', {
      current_password: password,
      new_password: 'four-lone-heron-wades-9',
    })
    assert.equal(changed.status, 204)
    assert.equal((await answer(mfaToken, person.code())).status, 401)
  })

  it('is void once the account is disabled', async () => {
    const person = await enrolled()
    const mfaToken = await challenged(app, person.email)
    await app.identsphere.api.users.disable(person.userId)
    assert.equal((await answer(mfaToken, person.code())).status, 401)
  })

  it('costs no query if its token is forged', async () => {
    const { knex, statements } = recordingKnex(app.databaseUrl)
    const node = await app.node({ database: knex, publicBaseUrl: app.url })
    const person = await enrolled()
    const real = await challenged(app, person.email)
    const [version, id = '', mac = ''] = real.split('.')
    await node.identsphere.ready()
    const before = statements.length
    const [, , foreign] = (await challenged(app, (await enrolled()).email)).split('.')
    for (const token of [
      'x',
      '..',
      `${version}.${id}.`,
      `${version}.${id}.${foreign}`,
      `9.${id}.${mac}`,
      `${version}.${id.toUpperCase()}.${mac}`,
      `${version}.${id}.${mac.slice(0, -1)}`,
      `${version}.${id}.${mac}A`,
      ` ${real}`,
    ]) {
      const { status, body } = await answer(token, person.code(), node.client())
      assert.equal(status, 401, token)
      assert.equal(body.error.code, 'invalid_credentials')
    }
    assert.deepEqual(statements.slice(before), [])
    await knex.destroy()
  })

  it('token is neither an access token nor a link, and vice versa', async () => {
    const person = await enrolled()
    const mfaToken = await challenged(app, person.email)
    const bearer = app.client({ authorization: `Bearer ${mfaToken}` })
    assert.equal((await bearer.get('/plain')).status, 401)
    const accessToken = person.client.cookie('at') as string
    assert.notEqual((await answer(accessToken, person.code())).status, 200)
    for (const path of ['/v1/auth/magic-link/verify', '/v1/auth/email/confirm']) {
      assert.equal((await app.client().post(path, { token: mfaToken })).status, 401, path)
    }
    assert.equal((await app.client().post('/v1/auth/refresh', { refresh_token: mfaToken })).status, 401)
  })

  it('accepts one answer, a code or a recovery code', async () => {
    const person = await enrolled()
    const mfaToken = await challenged(app, person.email)
    const both = { mfa_token: mfaToken, code: person.code(), recovery_code: person.recoveryCodes[0] }
    assert.equal((await app.client().post('/v1/auth/mfa/challenge', both)).status, 400)
    assert.equal((await app.client().post('/v1/auth/mfa/challenge', { mfa_token: mfaToken })).status, 400)
    for (const code of ['12345', '1234567', ' 12345', '+12345', '１２３４５６', 123456]) {
      assert.equal((await answer(mfaToken, code as string)).status, 400, `${code}`)
    }
  })

  it('is deleted a day after it expired', async () => {
    const person = await enrolled()
    await challenged(app, person.email)
    app.clock.advance(2 * 86_400)
    await (app.identsphere as BuiltIdentSphere).worker.drain()
    assert.deepEqual(await app.sql('SELECT id FROM identsphere.mfa_challenges WHERE user_id = $1', [person.userId]), [])
  })
})

describe('a step-up', () => {
  it('makes the session recent, for new tokens only', async () => {
    const person = await enrolled()
    await app.sql('UPDATE identsphere.user_sessions SET mfa_verified_at = NULL WHERE user_id = $1', [person.userId])
    const before = app.client()
    for (const [name, cookie] of person.client.cookies) before.cookies.set(name, cookie)
    assert.equal((await person.client.get('/delicate')).body.error.code, 'mfa_required')
    const { status, body } = await person.client.post('/v1/auth/mfa/verify', { code: person.code() })
    assert.equal(status, 200)
    assert.equal(body.verified, true)
    assert.equal(body.expires_in, 1800)
    assert.ok(Math.abs(new Date(body.verified_at).getTime() - app.clock.now()) < 5_000)
    assert.equal((await person.client.get('/delicate')).status, 200)
    assert.equal((await before.get('/plain')).status, 200)
    assert.equal((await before.get('/delicate')).status, 401)
  })

  it('lasts as long as the guard allows', async () => {
    const person = await enrolled()
    await person.client.post('/v1/auth/mfa/verify', { code: person.code() })
    app.clock.advance(1_801)
    await person.client.post('/v1/auth/refresh')
    assert.equal((await person.client.get('/delicate')).body.error.code, 'mfa_required')
  })

  it('leaves the session unchanged after a wrong code', async () => {
    const person = await enrolled()
    await app.sql('UPDATE identsphere.user_sessions SET mfa_verified_at = NULL WHERE user_id = $1', [person.userId])
    assert.equal((await person.client.post('/v1/auth/mfa/verify', { code: wrong(person) })).status, 401)
    assert.equal((await person.client.get('/delicate')).status, 401)
    assert.equal((await person.client.get('/plain')).status, 200)
  })

  it('is refused to an impersonator, whether the code is right or not', async () => {
    const person = await enrolled()
    const admin = await verifiedPerson(app)
    await app.sql('UPDATE identsphere.user_sessions SET impersonator_id = $1 WHERE id = $2', [
      admin.userId,
      person.sessionId,
    ])
    assert.equal((await person.client.post('/v1/auth/mfa/verify', { code: person.code() })).status, 403)
    assert.equal((await person.client.post('/v1/auth/mfa/verify', { code: wrong(person) })).status, 403)
  })
})
