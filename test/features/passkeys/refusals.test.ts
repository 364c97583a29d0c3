import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { sha256 } from '../../../lib/core/crypto/digest.js'
import { signIn, startApp, type TestApp } from '../../support/app.js'
import type { Answer, Client } from '../../support/client.js'
import {
  answerAt,
  beginLogin,
  beginRegistration,
  type Credential,
  newAuthenticator,
  personWithPasskey,
  register,
  signedAgain,
  signInWith,
  withClientData,
} from '../../support/passkeys.js'
import { verifiedPerson } from '../../support/people.js'

let app: TestApp
before(async () => {
  app = await startApp()
})
after(() => app.close())

const complete = {
  login: '/v1/auth/passkey/login/complete',
  registration: '/v1/users/me/passkeys/register/complete',
}

function assertRefused(answer: Answer, label?: string): void {
  assert.equal(answer.status, 401, `${label} ${answer.text}`)
  assert.equal(answer.body.error.code, 'invalid_credentials', label)
  assert.equal(answer.headers['set-cookie'], undefined, label)
}

/** Changes the bytes of one part of a response. */
function changed(credential: Credential, part: string, change: (bytes: Buffer) => void): Credential {
  const bytes = Buffer.from(credential.response[part] as string, 'base64url')
  change(bytes)
  return { ...credential, response: { ...credential.response, [part]: bytes.toString('base64url') } }
}

/** Offset of the flags in authenticator data (WebAuthn level 3 section 6.1). */
const flagsAt = 32

/** Client data with exactly one error. */
const wrong: Record<string, Record<string, unknown>> = {
  'another origin': { origin: 'https://evil.example' },
  'an origin that begins like ours': { origin: 'http://localhost.evil.example' },
  'our host on another port': { origin: 'http://localhost:1' },
  'our host with another scheme': { origin: 'https://localhost' },
  'an opaque origin': { origin: 'null' },
  'a challenge that was never issued': { challenge: Buffer.alloc(32).toString('base64url') },
  'an unknown type': { type: 'payment.get' },
  'a cross-origin frame': { crossOrigin: true },
  'a cross-origin frame with a top origin': { crossOrigin: true, topOrigin: 'https://evil.example' },
  'a top origin outside a frame': { topOrigin: 'https://evil.example' },
}

describe('a passkey sign-in', () => {
  for (const [what, clientData] of Object.entries({
    ...wrong,
    'the type of a registration': { type: 'webauthn.create' },
  })) {
    it(`rejects ${what}, even if correctly signed`, async () => {
      const { authenticator } = await personWithPasskey(app)
      const client = app.client()
      const one = authenticator.getJSON(app.origin, await beginLogin(client))
      assertRefused(await client.post(complete.login, { response: signedAgain(authenticator, one, { clientData }) }))
    })
  }

  const flags = (change: (flags: number) => number) => (bytes: Buffer) => {
    bytes[flagsAt] = change(bytes[flagsAt] ?? 0)
  }
  const wrongData: Record<string, (bytes: Buffer) => void> = {
    'the RP id of another site': (bytes) => sha256('evil.example').copy(bytes),
    'a parent domain as RP id': (bytes) => sha256('').copy(bytes),
    'missing user verification': flags((set) => set & ~4),
    'missing user presence': flags((set) => set & ~1),
    'a passkey that has lost its backup eligibility': flags((set) => set & ~0x18),
    'a backup without backup eligibility': flags((set) => (set & ~8) | 0x10),
  }
  for (const [what, authenticatorData] of Object.entries(wrongData)) {
    it(`rejects ${what}, even if correctly signed`, async () => {
      const { authenticator } = await personWithPasskey(app)
      const client = app.client()
      const one = authenticator.getJSON(app.origin, await beginLogin(client))
      const response = signedAgain(authenticator, one, { authenticatorData })
      assertRefused(await client.post(complete.login, { response }))
    })
  }

  it('accepts a response that the same helper signs without an error', async () => {
    const { authenticator } = await personWithPasskey(app)
    const client = app.client()
    const response = signedAgain(authenticator, authenticator.getJSON(app.origin, await beginLogin(client)), {})
    assert.equal((await client.post(complete.login, { response })).status, 200)
  })

  it('rejects a signature over other data', async () => {
    const { authenticator } = await personWithPasskey(app)
    for (const part of ['signature', 'authenticatorData'] as const) {
      const client = app.client()
      const response = changed(authenticator.getJSON(app.origin, await beginLogin(client)), part, (bytes) => {
        const last = bytes.length - 1
        bytes[last] = (bytes[last] ?? 0) ^ 1
      })
      assertRefused(await client.post(complete.login, { response }), part)
    }
  })

  it('rejects and audits a counter that went back or did not move', async () => {
    const { authenticator, userId, passkeyId } = await personWithPasskey(app)
    for (const [stored, sent] of [
      [1_000, 'less'],
      [1, 'the same'],
    ] as const) {
      const client = app.client()
      const response = authenticator.getJSON(app.origin, await beginLogin(client))
      const count = Buffer.from(response.response.authenticatorData as string, 'base64url').readUInt32BE(33)
      await app.sql('UPDATE identsphere.user_passkeys SET sign_count = $2 WHERE id = $1', [
        passkeyId,
        sent === 'less' ? stored : count,
      ])
      assertRefused(await client.post(complete.login, { response }), sent)
    }
    const audits = await app.sql(
      `SELECT subject_id, status, metadata FROM identsphere.audit_logs
       WHERE action = 'auth.passkey.counter_regressed' AND resource_id = $1`,
      [passkeyId],
    )
    assert.equal(audits.length, 2)
    assert.equal(audits[0].subject_id, userId)
    assert.equal(audits[0].status, 'failure')
  })

  it('accepts an authenticator that does not count', async () => {
    const { authenticator } = await personWithPasskey(app, newAuthenticator({ signCounterIncrement: 0 }))
    for (const _ of [1, 2]) assert.equal((await signInWith(app, app.client(), authenticator)).status, 200)
  })

  it('rejects a user handle of another user', async () => {
    const { authenticator } = await personWithPasskey(app)
    const client = app.client()
    const one = authenticator.getJSON(app.origin, await beginLogin(client))
    const response = { ...one, response: { ...one.response, userHandle: Buffer.alloc(16, 7).toString('base64url') } }
    assertRefused(await client.post(complete.login, { response }))
  })

  it('rejects an unknown passkey and a removed one', async () => {
    const { authenticator, client: owner, passkeyId } = await personWithPasskey(app)
    assert.equal((await owner.delete(`/v1/users/me/passkeys/${passkeyId}`)).status, 204)
    assertRefused(await signInWith(app, app.client(), authenticator))
  })
})

/** @see GHSA better-auth #9993, #9622; SuperTokens 12.0.8 */
describe('a passkey challenge', () => {
  it('works once, even for a right answer after a wrong one', async () => {
    const { authenticator } = await personWithPasskey(app)
    const client = app.client()
    const response = authenticator.getJSON(app.origin, await beginLogin(client))
    assert.equal((await client.post(complete.login, { response })).status, 200)
    const again = app.client()
    again.cookies.set('identsphere_flow', client.cookies.get('identsphere_flow') as never)
    assertRefused(await again.post(complete.login, { response }))

    const other = app.client()
    const right = authenticator.getJSON(app.origin, await beginLogin(other))
    assertRefused(
      await other.post(complete.login, {
        response: changed(right, 'signature', (bytes) => bytes.fill(0, bytes.length - 4)),
      }),
    )
    assertRefused(await other.post(complete.login, { response: right }))
  })

  it('accepts one of several simultaneous answers', async () => {
    // The authenticator does not count, so that only the challenge tells the answers apart.
    const { authenticator } = await personWithPasskey(app, newAuthenticator({ signCounterIncrement: 0 }))
    const client = app.client()
    const response = authenticator.getJSON(app.origin, await beginLogin(client))
    const answers = await Promise.all(Array.from({ length: 6 }, () => client.post(complete.login, { response })))
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 401, 401, 401, 401, 401])
  })

  it('accepts the answer only in the browser that asked for it', async () => {
    const { authenticator } = await personWithPasskey(app)
    const client = app.client()
    for (const flow of [undefined, 'x', 'A'.repeat(43)]) {
      const response = authenticator.getJSON(app.origin, await beginLogin(client))
      const answer = await app
        .client()
        .post(complete.login, { response, ...(flow === undefined ? {} : { flow_token: flow }) })
      assertRefused(answer, flow)
    }
  })

  it('expires after ten minutes', async () => {
    const { authenticator } = await personWithPasskey(app)
    const client = app.client()
    const response = authenticator.getJSON(app.origin, await beginLogin(client))
    app.clock.advance(601)
    assertRefused(await client.post(complete.login, { response }))
  })

  it('works for one purpose only', async () => {
    const { authenticator, client, email } = await personWithPasskey(app)
    const purposes: Record<string, (browser: Client) => Promise<Credential>> = {
      login: async (browser) => authenticator.getJSON(app.origin, await beginLogin(browser)),
      step_up: (browser) => answerAt(app, browser, authenticator, '/v1/auth/mfa/verify/passkey/begin'),
    }
    const ends: Record<string, string> = {
      login: complete.login,
      step_up: '/v1/auth/mfa/verify/passkey/complete',
    }
    for (const [asked, ask] of Object.entries(purposes)) {
      for (const [answered, path] of Object.entries(ends)) {
        const browser = await signIn(app, email)
        const response = await ask(browser)
        // Sets the binding of the other purpose, so that only the purpose is wrong.
        const flow = browser.cookie('flow') ?? 'A'.repeat(43)
        const sessionId = (await browser.get('/v1/auth/session')).body.session.id
        await app.sql(
          `UPDATE identsphere.webauthn_challenges SET binding_hash = sha256(convert_to($1, 'UTF8'))
           WHERE challenge = $2`,
          [
            answered === 'login' ? flow : sessionId,
            Buffer.from(
              JSON.parse(Buffer.from(response.response.clientDataJSON, 'base64url').toString()).challenge,
              'base64url',
            ),
          ],
        )
        const body = answered === 'login' ? { response, flow_token: flow } : { response }
        const answer = await browser.post(path, body)
        assert.equal(answer.status, asked === answered ? 200 : 401, `${asked} for ${answered}: ${answer.text}`)
      }
    }
    const made = newAuthenticator().createJSON(
      app.origin,
      (await client.post('/v1/users/me/passkeys/register/begin')).body.options,
    )
    const login = (await beginLogin(client)) as { challenge: string }
    const sessionId = (await client.get('/v1/auth/session')).body.session.id
    await app.sql(
      `UPDATE identsphere.webauthn_challenges SET binding_hash = sha256(convert_to($1, 'UTF8')), user_id =
         (SELECT user_id FROM identsphere.user_sessions WHERE id::text = $1) WHERE challenge = $2`,
      [sessionId, Buffer.from(login.challenge, 'base64url')],
    )
    assertRefused(
      await client.post(complete.registration, { response: withClientData(made, { challenge: login.challenge }) }),
    )
  })
})

describe('a passkey registration', () => {
  for (const [what, change] of Object.entries({ ...wrong, 'the type of a sign-in': { type: 'webauthn.get' } })) {
    it(`rejects ${what}`, async () => {
      const { client } = await verifiedPerson(app)
      const response = newAuthenticator().createJSON(app.origin, await beginRegistration(client))
      assertRefused(await client.post(complete.registration, { response: withClientData(response, change) }))
      assert.equal((await client.get('/v1/users/me/passkeys')).body.passkeys.length, 0)
    })
  }

  it('rejects the RP id of another site', async () => {
    const { client } = await verifiedPerson(app)
    const options = { ...(await beginRegistration(client)), rp: { id: 'evil.example', name: 'Evil' } }
    const one = newAuthenticator().createJSON('https://evil.example', options)
    assertRefused(await client.post(complete.registration, { response: withClientData(one, { origin: app.origin }) }))
  })

  it('rejects missing user verification', async () => {
    const { client } = await verifiedPerson(app)
    const response = newAuthenticator().createJSON(app.origin, await beginRegistration(client))
    const attestation = changed(response, 'attestationObject', (bytes) => {
      const authData = bytes.indexOf(Buffer.from('authData')) + 8 + 2
      bytes[authData + flagsAt] = (bytes[authData + flagsAt] ?? 0) & ~4
    })
    assertRefused(await client.post(complete.registration, { response: attestation }))
  })

  it('rejects a response that names another credential', async () => {
    const { client } = await verifiedPerson(app)
    const response = newAuthenticator().createJSON(app.origin, await beginRegistration(client))
    const id = Buffer.alloc(32, 9).toString('base64url')
    assertRefused(await client.post(complete.registration, { response: { ...response, id, rawId: id } }))
  })

  /** @see GHSA-6hxq, SimpleWebAuthn: a root certificate smuggled in `x5c` */
  it('ignores the attestation, whatever it contains', async () => {
    const { client } = await verifiedPerson(app)
    const response = newAuthenticator().createJSON(app.origin, await beginRegistration(client))
    const bare = Buffer.from(response.response.attestationObject as string, 'base64url')
    const authData = bare.subarray(bare.indexOf(Buffer.from('authData')) - 1)
    const text = (value: string) => Buffer.concat([Buffer.from([0x60 + value.length]), Buffer.from(value)])
    const attested = Buffer.concat([
      ...[Buffer.from([0xa3]), text('fmt'), text('packed'), text('attStmt')],
      // { alg: -7, sig: 2 bytes, x5c: [2 bytes] }, none of which can be parsed
      ...[Buffer.from([0xa3]), text('alg'), Buffer.from([0x26]), text('sig'), Buffer.from([0x42, 1, 2])],
      ...[text('x5c'), Buffer.from([0x81, 0x42, 3, 4])],
      authData,
    ])
    const answer = await client.post(complete.registration, {
      response: { ...response, response: { ...response.response, attestationObject: attested.toString('base64url') } },
    })
    assert.equal(answer.status, 201, answer.text)
  })

  it('completes only in the session that began it', async () => {
    const person = await personWithPasskey(app)
    const other = app.client()
    assert.equal((await signInWith(app, other, person.authenticator)).status, 200)
    const begun = await person.client.post('/v1/users/me/passkeys/register/begin')
    const response = newAuthenticator().createJSON(app.origin, begun.body.options)
    assertRefused(await other.post(complete.registration, { response }))
    assertRefused(await (await verifiedPerson(app)).client.post(complete.registration, { response }))
  })

  it('counts once if it is sent several times simultaneously', async () => {
    const { client } = await verifiedPerson(app)
    const response = newAuthenticator().createJSON(app.origin, await beginRegistration(client))
    const answers = await Promise.all(Array.from({ length: 4 }, () => client.post(complete.registration, { response })))
    assert.deepEqual(answers.map(({ status }) => status).sort(), [201, 401, 401, 401])
  })

  it('answers 409 for a credential that another user has', async () => {
    const authenticator = newAuthenticator()
    const first = await personWithPasskey(app, authenticator)
    const { client } = await verifiedPerson(app)
    const response = newAuthenticator().createJSON(app.origin, await beginRegistration(client))
    await app.sql('UPDATE identsphere.user_passkeys SET credential_id = $2 WHERE user_id = $1', [
      first.userId,
      response.id,
    ])
    const answer = await client.post(complete.registration, { response })
    assert.equal(answer.status, 409, answer.text)
  })

  it('requests no attestation and excludes existing credentials', async () => {
    const { client, authenticator } = await personWithPasskey(app)
    const { options } = (await client.post('/v1/users/me/passkeys/register/begin')).body
    assert.equal(options.attestation, 'none')
    assert.equal(options.authenticatorSelection.userVerification, 'required')
    assert.equal(options.authenticatorSelection.residentKey, 'preferred')
    assert.equal(options.excludeCredentials.length, 1)
    assert.throws(() => authenticator.createJSON(app.origin, options), /NotAllowed|excluded/i)
  })

  it('requires its own reauthentication first, and a recent second factor later', async () => {
    const begin = '/v1/users/me/passkeys/register/begin'
    const { client, email } = await verifiedPerson(app)
    assert.equal((await client.post(begin)).body.error.code, 'reauthentication_required')
    assert.equal((await register(app, client, newAuthenticator())).status, 201)
    const later = await signIn(app, email)
    const denied = await later.post(begin)
    assert.equal(denied.body.error.code, 'mfa_required')
    assert.deepEqual(denied.body.error.details, { enrolled: true, methods: ['passkey'] })
  })
})

describe('the passkeys of a user', () => {
  it('are listed, renamed and removed; removal ends other sessions', async () => {
    const { client, email, passkeyId, userId } = await personWithPasskey(app)
    const other = await signIn(app, email)
    const renamed = await client.patch(`/v1/users/me/passkeys/${passkeyId}`, { label: ' Laptop ' })
    assert.equal(renamed.body.label, 'Laptop')
    assert.equal((await client.get('/v1/users/me/passkeys')).body.passkeys[0].label, 'Laptop')
    assert.equal((await other.delete(`/v1/users/me/passkeys/${passkeyId}`)).body.error.code, 'mfa_required')
    assert.equal((await client.delete(`/v1/users/me/passkeys/${passkeyId}`)).status, 204)
    assert.equal((await other.get('/v1/users/me')).status, 401)
    assert.equal((await client.get('/v1/auth/session')).body.user.mfa_verified_at, null)
    const events = await app.sql(
      `SELECT event FROM identsphere.webhook_events WHERE event LIKE 'passkey.%' AND payload->>'actor_id' = $1 ORDER BY id`,
      [userId],
    )
    assert.deepEqual(
      events.map(({ event }) => event),
      ['passkey.added', 'passkey.removed'],
    )
  })

  it('keep one of two if both are removed simultaneously without a password', async () => {
    const { client, passkeyId, userId } = await personWithPasskey(app)
    const { options } = (await client.post('/v1/users/me/passkeys/register/begin')).body
    const response = newAuthenticator().createJSON(app.origin, options)
    const second = (await client.post(complete.registration, { response })).body.passkey.id
    await app.sql('UPDATE identsphere.users SET password_hash = NULL WHERE id = $1', [userId])
    const answers = await Promise.all([passkeyId, second].map((id) => client.delete(`/v1/users/me/passkeys/${id}`)))
    assert.equal(answers.filter(({ status }) => status === 204).length, 1)
    assert.equal((await client.get('/v1/users/me/passkeys')).body.passkeys.length, 1)
  })

  it('keep the last one if the user has no password', async () => {
    const { client, passkeyId, userId } = await personWithPasskey(app)
    await app.sql('UPDATE identsphere.users SET password_hash = NULL WHERE id = $1', [userId])
    assert.equal((await client.delete(`/v1/users/me/passkeys/${passkeyId}`)).status, 409)
    assert.equal((await client.get('/v1/users/me/passkeys')).body.passkeys.length, 1)
  })
})
