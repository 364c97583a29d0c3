import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { password, signIn, startApp, type TestApp } from '../../support/app.js'
import { codeIn, mailTo } from '../../support/mail.js'
import {
  answerAt,
  beginLogin,
  newAuthenticator,
  personWithPasskey,
  register,
  signInWith,
} from '../../support/passkeys.js'
import { verifiedPerson } from '../../support/people.js'

let app: TestApp
before(async () => {
  app = await startApp()
})
after(() => app.close())

const stepUp = '/v1/auth/mfa/verify/passkey'

describe('a passkey', () => {
  it('signs its user in with every factor that it proves', async () => {
    const { authenticator, userId } = await personWithPasskey(app)
    const client = app.client()
    const answer = await signInWith(app, client, authenticator)
    assert.equal(answer.status, 200, answer.text)
    assert.equal(answer.body.status, 'success')
    assert.equal(answer.body.user.user_id, userId)
    assert.equal(answer.body.user.auth_method, 'passkey')
    assert.ok(answer.body.user.mfa_verified_at)
    assert.deepEqual(answer.body.session.amr, ['swk', 'user', 'mfa'])
    assert.equal((await client.get('/v1/users/me')).status, 200)
    const [audit] = await app.sql(
      `SELECT actor_id FROM identsphere.audit_logs WHERE action = 'auth.passkey.login' AND resource_id = $1`,
      [answer.body.session.id],
    )
    assert.equal(audit.actor_id, userId)
  })

  it('also works for a sign-in that names the address', async () => {
    const { authenticator, email } = await personWithPasskey(app)
    const answer = await signInWith(app, app.client(), authenticator, { email })
    assert.equal(answer.status, 200, answer.text)
  })

  it('gives a native client its tokens and the flow in the body', async () => {
    const { authenticator } = await personWithPasskey(app)
    const client = app.client()
    const begun = await client.post('/v1/auth/passkey/login/begin', { token_delivery: 'body' })
    assert.equal(begun.headers['set-cookie'], undefined)
    const response = authenticator.getJSON(app.origin, begun.body.options)
    const answer = await client.post('/v1/auth/passkey/login/complete', {
      response,
      flow_token: begun.body.flow_token,
      token_delivery: 'body',
    })
    assert.equal(answer.status, 200, answer.text)
    assert.ok(answer.body.refresh_token)
    assert.equal(answer.headers['set-cookie'], undefined)
  })

  it('hides whether an address has one behind the same decoy credentials', async () => {
    const { email } = await verifiedPerson(app)
    const shape = (options: { allowCredentials: Array<{ id: string }> }) => ({
      keys: Object.keys(options).sort(),
      credential: Object.keys(options.allowCredentials[0] as object).sort(),
    })
    const known = await personWithPasskey(app, newAuthenticator({ transports: ['hybrid', 'internal'] }))
    const real = shape((await beginLogin(app.client(), { email: known.email })) as never)
    for (const address of [email, 'nobody-here@example.com']) {
      const first = (await beginLogin(app.client(), { email: address })) as never
      const second = (await beginLogin(app.client(), { email: address })) as never
      assert.deepEqual(shape(first), real)
      const { allowCredentials } = first as { allowCredentials: object[] }
      assert.deepEqual(allowCredentials, (second as { allowCredentials: object[] }).allowCredentials)
    }
  })

  it('of another user fails for every address, known or not', async () => {
    const { email } = await personWithPasskey(app)
    const other = await personWithPasskey(app)
    for (const address of [email, 'nobody-here@example.com']) {
      const client = app.client()
      const { allowCredentials: _, ...options } = (await beginLogin(client, { email: address })) as Record<
        string,
        unknown
      >
      const response = other.authenticator.getJSON(app.origin, options)
      const answer = await client.post('/v1/auth/passkey/login/complete', { response })
      assert.equal(answer.status, 401, address)
      assert.equal(answer.body.error.code, 'invalid_credentials')
    }
  })

  for (const status of ['disabled', 'deleted']) {
    it(`of a ${status} account does not sign in`, async () => {
      const { authenticator, userId } = await personWithPasskey(app)
      await app.sql('UPDATE identsphere.users SET status = $2 WHERE id = $1', [userId, status])
      const answer = await signInWith(app, app.client(), authenticator)
      assert.equal(answer.status, 401)
      assert.equal(answer.headers['set-cookie'], undefined)
      const [passkey] = await app.sql('SELECT last_used_at FROM identsphere.user_passkeys WHERE user_id = $1', [userId])
      assert.equal(passkey.last_used_at, null, 'the passkey was not even read')
    })
  }

  it('leaves the flow of a mailed code unchanged', async () => {
    const { authenticator, email } = await personWithPasskey(app)
    const client = app.client()
    await client.post('/v1/auth/email-otp/request', { email })
    const flow = client.cookie('flow')
    assert.ok(flow)
    assert.equal((await signInWith(app, client, authenticator)).status, 200)
    assert.equal(client.cookie('flow'), flow)
    assert.match(client.cookies.get('identsphere_flow')?.attributes ?? '', /Max-Age=600\b/)
  })

  it('is not required by a password sign-in', async () => {
    const { email } = await personWithPasskey(app)
    const client = await signIn(app, email)
    assert.equal((await client.get('/v1/auth/session')).body.user.mfa_verified_at, null)
  })
})

describe('a step-up', () => {
  it('by passkey verifies the second factor of this session', async () => {
    const { authenticator, email } = await personWithPasskey(app)
    const client = await signIn(app, email)
    const response = await answerAt(app, client, authenticator, `${stepUp}/begin`)
    const answer = await client.post(`${stepUp}/complete`, { response })
    assert.equal(answer.status, 200, answer.text)
    assert.equal(answer.body.verified, true)
    const { user, session } = (await client.get('/v1/auth/session')).body
    assert.equal(user.mfa_verified_at, answer.body.verified_at)
    assert.deepEqual(session.amr, ['pwd', 'swk', 'user', 'mfa'])
  })

  it("is refused without a passkey and with another user's passkey", async () => {
    const { client } = await verifiedPerson(app)
    assert.equal((await client.post(`${stepUp}/begin`)).body.error.code, 'conflict')
    const one = await personWithPasskey(app)
    const other = await personWithPasskey(app)
    const begun = await one.client.post(`${stepUp}/begin`)
    const { allowCredentials: _, ...options } = begun.body.options
    const response = other.authenticator.getJSON(app.origin, options)
    assert.equal((await one.client.post(`${stepUp}/complete`, { response })).status, 401)
  })

  it('works only in the session that requested it', async () => {
    const { authenticator, email, client } = await personWithPasskey(app)
    const another = await signIn(app, email)
    const response = await answerAt(app, client, authenticator, `${stepUp}/begin`)
    assert.equal((await another.post(`${stepUp}/complete`, { response })).status, 401)
  })
})

describe('a reauthentication', () => {
  it('by passkey permits changes of factors', async () => {
    const { authenticator, client } = await personWithPasskey(app)
    const before = (await client.get('/v1/auth/session')).body.session.auth_time
    app.clock.advance(5)
    const passkey = await answerAt(app, client, authenticator, `${stepUp}/begin`)
    const answer = await client.post('/v1/auth/reauthenticate', { passkey, purpose: 'mfa_setup' })
    assert.equal(answer.status, 200, answer.text)
    assert.ok(answer.body.auth_time > before)
  })

  it('requires exactly one method', async () => {
    const { authenticator, client } = await personWithPasskey(app)
    const passkey = await answerAt(app, client, authenticator, `${stepUp}/begin`)
    assert.equal((await client.post('/v1/auth/reauthenticate', { passkey, password })).status, 400)
    assert.equal((await client.post('/v1/auth/reauthenticate', {})).status, 400)
  })
})

describe('a claimed account', () => {
  it('has no passkeys of the unverified registrant', async () => {
    const { authenticator, userId, email } = await personWithPasskey(app)
    await app.sql('UPDATE identsphere.users SET email_verified_at = NULL WHERE id = $1', [userId])
    const client = app.client()
    await client.post('/v1/auth/email-otp/request', { email })
    const code = codeIn(await mailTo(app, email, /sign-in code$/))
    assert.equal((await client.post('/v1/auth/email-otp/verify', { email, code })).status, 200)
    assert.equal((await signInWith(app, app.client(), authenticator)).status, 401)
  })
})

describe('an erased account', () => {
  it('keeps no passkeys, but exports them before', async () => {
    const { client, userId } = await personWithPasskey(app)
    const exported = await client.get('/v1/users/me/export')
    assert.equal(exported.body.passkeys.length, 1)
    assert.equal(exported.body.passkeys[0].public_key, undefined)
    await client.post('/v1/auth/mfa/verify/passkey/begin')
    assert.equal((await client.delete('/v1/users/me')).status, 204)
    for (const table of ['user_passkeys', 'webauthn_challenges']) {
      assert.deepEqual(await app.sql(`SELECT 1 FROM identsphere.${table} WHERE user_id = $1`, [userId]), [])
    }
  })
})

describe('the limit of ten passkeys', () => {
  it('holds for simultaneous registrations', async () => {
    const person = await verifiedPerson(app)
    await register(app, person.client, newAuthenticator())
    await app.sql(
      `INSERT INTO identsphere.user_passkeys (id, user_id, credential_id, public_key, sign_count, transports, aaguid,
         backup_eligible, backed_up, created_at)
       SELECT gen_random_uuid(), $1::uuid, 'filler-' || n || $1::text, '\\x00', 0, '{}', gen_random_uuid(), false, false, now()
       FROM generate_series(1, 8) n`,
      [person.userId],
    )
    const responses = []
    for (let index = 0; index < 4; index += 1) {
      const begun = await person.client.post('/v1/users/me/passkeys/register/begin')
      responses.push(newAuthenticator().createJSON(app.origin, begun.body.options))
    }
    const answers = await Promise.all(
      responses.map((response) => person.client.post('/v1/users/me/passkeys/register/complete', { response })),
    )
    const refused = answers.filter(({ status }) => status !== 201)
    assert.equal(refused.length, 3)
    // The first registration changed the factors. The others find ten passkeys, or have to verify the new factor.
    for (const { status, text } of refused) assert.ok(status === 409 || status === 401, text)
    const [{ count }] = await app.sql('SELECT count(*) FROM identsphere.user_passkeys WHERE user_id = $1', [
      person.userId,
    ])
    assert.equal(Number(count), 10)
  })
})
