import { password, signIn, signUp, type TestApp } from './app.js'
import type { Client, SendOptions } from './client.js'
import { codeIn, mailTo, tokenIn } from './mail.js'
import { challenged, enrol, reauthenticate, setup, signUpVerified, totp } from './mfa.js'
import {
  answerAt,
  beginLogin,
  beginRegistration,
  challengeFor,
  newAuthenticator,
  personWithPasskey,
} from './passkeys.js'

/** A call of a route that must succeed. */
export interface Call {
  client: Client
  path: string
  options: SendOptions
  /** The status it answers with. */
  status: number
}

/** For every route the calls that reach each of its answers. A route without an entry here fails the matrices. */
export const succeedingCalls: Record<string, (app: TestApp) => Promise<Call[]>> = {
  async 'POST /v1/auth/register'(app) {
    const body = (email: string) => ({ email, password, organization_name: 'Example Works' })
    const call = (given: object) => ({ client: app.client(), path: '/v1/auth/register', options: { body: given } })
    return [
      { ...call(body('cookie-delivery@example.com')), status: 201 },
      { ...call({ ...body('body-delivery@example.com'), token_delivery: 'body' }), status: 201 },
    ]
  },

  async 'POST /v1/auth/login'(app) {
    const { email } = await signUp(app)
    const call = (given: object) => ({ client: app.client(), path: '/v1/auth/login', options: { body: given } })
    return [
      { ...call({ email, password }), status: 200 },
      { ...call({ email, password, token_delivery: 'body' }), status: 200 },
    ]
  },

  async 'POST /v1/auth/reauthenticate'(app) {
    const path = '/v1/auth/reauthenticate'
    const { client } = await signUp(app)
    const { client: other, authenticator } = await personWithPasskey(app)
    const passkey = await answerAt(app, other, authenticator, '/v1/auth/mfa/verify/passkey/begin')
    return [
      { client, path, options: { body: { password } }, status: 200 },
      { client: other, path, options: { body: { passkey } }, status: 200 },
      { client: await nativeClient(app), path, options: { body: { password, purpose: 'mfa_setup' } }, status: 200 },
    ]
  },

  async 'POST /v1/auth/refresh'(app) {
    const path = '/v1/auth/refresh'
    const { client, email } = await signUp(app)
    const { body } = await app.client().post('/v1/auth/login', { email, password, token_delivery: 'body' })
    return [
      { client, path, options: {}, status: 200 },
      { client: app.client(), path, options: { body: { refresh_token: body.refresh_token } }, status: 200 },
    ]
  },

  async 'GET /v1/auth/resume'(app) {
    const { client } = await signUp(app)
    const path = '/v1/auth/resume?return_to=%2Freports'
    return [client, app.client()].map((browser) => ({ client: browser, path, options: {}, status: 303 }))
  },

  async 'POST /v1/auth/logout'(app) {
    const { client } = await signUp(app)
    return [client, await nativeClient(app), app.client()].map((browser) => ({
      client: browser,
      path: '/v1/auth/logout',
      options: { body: {} },
      status: 204,
    }))
  },

  'GET /v1/auth/session': (app) => reading(app, '/v1/auth/session'),
  'GET /v1/users/me/sessions': (app) => reading(app, '/v1/users/me/sessions'),
  'GET /v1/users/me': (app) => reading(app, '/v1/users/me'),

  async 'DELETE /v1/users/me/sessions/:id'(app) {
    const { email, sessionId } = await signUp(app)
    const client = await signIn(app, email)
    const own = (await client.get('/v1/auth/session')).body.session.id
    return [sessionId, own].map((id) => ({ client, path: `/v1/users/me/sessions/${id}`, options: {}, status: 204 }))
  },

  async 'DELETE /v1/users/me/sessions'(app) {
    const { client } = await signUp(app)
    return [{ client, path: '/v1/users/me/sessions', options: {}, status: 204 }]
  },

  async 'PATCH /v1/users/me'(app) {
    const { client } = await signUp(app)
    const body = { display_name: 'Ada', job_title: '', preferences: { theme: 'dark' } }
    return [{ client, path: '/v1/users/me', options: { body }, status: 200 }]
  },

  async 'POST /v1/users/me/password'(app) {
    const { client } = await signUp(app)
    const body = { current_password: password, new_password: 'four-lone-heron-wades-9' }
    return [{ client, path: '/v1/users/me/password', options: { body }, status: 204 }]
  },

  'POST /v1/auth/password/forgot': (app) => asking(app, '/v1/auth/password/forgot'),
  'POST /v1/auth/email-otp/request': (app) => asking(app, '/v1/auth/email-otp/request'),
  'POST /v1/auth/magic-link/request': (app) => asking(app, '/v1/auth/magic-link/request'),

  async 'POST /v1/auth/password/reset'(app) {
    const { email } = await signUp(app)
    await app.client().post('/v1/auth/password/forgot', { email })
    const token = tokenIn(await mailTo(app, email, /^Choose a new password/))
    const body = { token, new_password: 'four-lone-heron-wades-9' }
    return [{ client: app.client(), path: '/v1/auth/password/reset', options: { body }, status: 200 }]
  },

  async 'POST /v1/auth/email-otp/verify'(app) {
    const { email } = await signUp(app)
    const client = app.client()
    await client.post('/v1/auth/email-otp/request', { email })
    const body = { email, code: codeIn(await mailTo(app, email, /sign-in code$/)) }
    return [{ client, path: '/v1/auth/email-otp/verify', options: { body }, status: 200 }]
  },

  async 'POST /v1/auth/magic-link/verify'(app) {
    const { email } = await signUp(app)
    await app.client().post('/v1/auth/magic-link/request', { email })
    const body = { token: tokenIn(await mailTo(app, email, /sign-in link$/)) }
    return [{ client: app.client(), path: '/v1/auth/magic-link/verify', options: { body }, status: 200 }]
  },

  async 'POST /v1/auth/reauthenticate/code'(app) {
    const { client } = await signUp(app)
    return [{ client, path: '/v1/auth/reauthenticate/code', options: {}, status: 204 }]
  },
  async 'POST /v1/auth/email/verify/request'(app) {
    const { client } = await signUp(app)
    return [{ client, path: '/v1/auth/email/verify/request', options: {}, status: 204 }]
  },

  async 'POST /v1/auth/email/verify'(app) {
    const { client, email } = await signUp(app)
    const body = { token: tokenIn(await mailTo(app, email, /^Confirm your e-mail/)) }
    return [{ client, path: '/v1/auth/email/verify', options: { body }, status: 200 }]
  },

  async 'POST /v1/users/me/email'(app) {
    const { client, email } = await signUp(app)
    return [{ client, path: '/v1/users/me/email', options: { body: { email: `new-${email}` } }, status: 204 }]
  },

  async 'POST /v1/auth/email/confirm'(app) {
    const { client, token } = await changingAddress(app)
    return [{ client, path: '/v1/auth/email/confirm', options: { body: { token } }, status: 204 }]
  },

  async 'POST /v1/auth/email/undo'(app) {
    const { client, email, token } = await changingAddress(app)
    await client.post('/v1/auth/email/confirm', { token })
    const body = { token: tokenIn(await mailTo(app, email, /was changed$/)) }
    return [{ client: app.client(), path: '/v1/auth/email/undo', options: { body }, status: 204 }]
  },

  async 'POST /v1/users/me/passkeys/register/begin'(app) {
    const { client } = await signUpVerified(app)
    await client.post('/v1/auth/reauthenticate', { password, purpose: 'passkey_registration' })
    return [{ client, path: '/v1/users/me/passkeys/register/begin', options: {}, status: 200 }]
  },

  async 'POST /v1/users/me/passkeys/register/complete'(app) {
    const { client } = await signUpVerified(app)
    const response = newAuthenticator().createJSON(app.origin, await beginRegistration(client))
    const body = { response, label: 'Laptop' }
    return [{ client, path: '/v1/users/me/passkeys/register/complete', options: { body }, status: 201 }]
  },

  async 'GET /v1/users/me/passkeys'(app) {
    const { client } = await personWithPasskey(app)
    return [{ client, path: '/v1/users/me/passkeys', options: {}, status: 200 }]
  },

  async 'PATCH /v1/users/me/passkeys/:id'(app) {
    const { client, passkeyId } = await personWithPasskey(app)
    return [{ client, path: `/v1/users/me/passkeys/${passkeyId}`, options: { body: { label: 'Phone' } }, status: 200 }]
  },

  async 'DELETE /v1/users/me/passkeys/:id'(app) {
    const { client, passkeyId } = await personWithPasskey(app)
    return [{ client, path: `/v1/users/me/passkeys/${passkeyId}`, options: {}, status: 204 }]
  },

  async 'POST /v1/auth/passkey/login/begin'(app) {
    const { email } = await personWithPasskey(app)
    return [{}, { email }, { email: `nobody-${email}` }, { token_delivery: 'body' }].map((body) => ({
      client: app.client(),
      path: '/v1/auth/passkey/login/begin',
      options: { body },
      status: 200,
    }))
  },

  async 'POST /v1/auth/passkey/login/complete'(app) {
    const { authenticator } = await personWithPasskey(app)
    const client = app.client()
    const response = authenticator.getJSON(app.origin, await beginLogin(client))
    return [{ client, path: '/v1/auth/passkey/login/complete', options: { body: { response } }, status: 200 }]
  },

  async 'POST /v1/auth/mfa/challenge/passkey/begin'(app) {
    const { mfa_token } = await challengedWithPasskey(app)
    const path = '/v1/auth/mfa/challenge/passkey/begin'
    return [{ client: app.client(), path, options: { body: { mfa_token } }, status: 200 }]
  },

  async 'POST /v1/auth/mfa/challenge/passkey/complete'(app) {
    const { mfa_token, authenticator } = await challengedWithPasskey(app)
    const client = app.client()
    const begin = '/v1/auth/mfa/challenge/passkey/begin'
    const response = await answerAt(app, client, authenticator, begin, { mfa_token })
    const body = { mfa_token, response }
    return [{ client, path: '/v1/auth/mfa/challenge/passkey/complete', options: { body }, status: 200 }]
  },

  async 'POST /v1/auth/mfa/verify/passkey/begin'(app) {
    const { client } = await personWithPasskey(app)
    return [{ client, path: '/v1/auth/mfa/verify/passkey/begin', options: {}, status: 200 }]
  },

  async 'POST /v1/auth/mfa/verify/passkey/complete'(app) {
    const { client, authenticator } = await personWithPasskey(app)
    const response = await answerAt(app, client, authenticator, '/v1/auth/mfa/verify/passkey/begin')
    return [{ client, path: '/v1/auth/mfa/verify/passkey/complete', options: { body: { response } }, status: 200 }]
  },

  'GET /v1/auth/mfa/status': (app) => reading(app, '/v1/auth/mfa/status'),

  async 'POST /v1/auth/mfa/setup'(app) {
    const { client } = await signUpVerified(app)
    await reauthenticate(client, 'mfa_setup')
    return [{ client, path: '/v1/auth/mfa/setup', options: {}, status: 200 }]
  },

  async 'POST /v1/auth/mfa/enable'(app) {
    const { client } = await signUpVerified(app)
    await reauthenticate(client, 'mfa_setup')
    const body = { code: totp(await setup(client), app.clock.now()) }
    return [{ client, path: '/v1/auth/mfa/enable', options: { body }, status: 200 }]
  },

  async 'POST /v1/auth/mfa/disable'(app) {
    const { client } = await enrol(app)
    return [{ client, path: '/v1/auth/mfa/disable', options: { body: { password } }, status: 204 }]
  },

  async 'POST /v1/auth/mfa/recovery-codes'(app) {
    const { client } = await enrol(app)
    return [{ client, path: '/v1/auth/mfa/recovery-codes', options: { body: { password } }, status: 200 }]
  },

  async 'POST /v1/auth/mfa/challenge'(app) {
    const { email, code, recoveryCodes } = await enrol(app)
    const path = '/v1/auth/mfa/challenge'
    const call = async (given: object): Promise<Call> => {
      const body = { mfa_token: await challenged(app, email), ...given }
      return { client: app.client(), path, options: { body }, status: 200 }
    }
    return [await call({ code: code(1) }), await call({ recovery_code: recoveryCodes[0], token_delivery: 'body' })]
  },

  async 'POST /v1/auth/trusted-browsers'(app) {
    const { client } = await enrol(app)
    return [{ client, path: '/v1/auth/trusted-browsers', options: { body: { label: 'Laptop' } }, status: 201 }]
  },

  'GET /v1/auth/trusted-browsers': (app) => reading(app, '/v1/auth/trusted-browsers'),

  async 'DELETE /v1/auth/trusted-browsers/:id'(app) {
    const { client } = await enrol(app)
    const { body } = await client.post('/v1/auth/trusted-browsers')
    return [{ client, path: `/v1/auth/trusted-browsers/${body.id}`, options: {}, status: 204 }]
  },

  async 'POST /v1/auth/mfa/verify'(app) {
    const { client, code } = await enrol(app)
    return [{ client, path: '/v1/auth/mfa/verify', options: { body: { code: code(1) } }, status: 200 }]
  },

  'GET /v1/users/me/export': (app) => reading(app, '/v1/users/me/export'),

  async 'DELETE /v1/users/me'(app) {
    const { client } = await signUp(app)
    return [{ client, path: '/v1/users/me', options: {}, status: 204 }]
  },

  'GET /v1/pages/reset-password': async (app) => [anonymous(app, '/v1/pages/reset-password')],
  'GET /v1/pages/verify-email': async (app) => [anonymous(app, '/v1/pages/verify-email')],
  'GET /v1/pages/sign-in-link': async (app) => [anonymous(app, '/v1/pages/sign-in-link')],
  'GET /v1/pages/confirm-email': async (app) => [anonymous(app, '/v1/pages/confirm-email')],
  'GET /v1/pages/undo': async (app) => [anonymous(app, '/v1/pages/undo')],
  'GET /v1/client.js': async (app) => [anonymous(app, '/v1/client.js')],
  'GET /v1/pages/page.js': async (app) => [anonymous(app, '/v1/pages/page.js')],
  'GET /v1/pages/page.css': async (app) => [anonymous(app, '/v1/pages/page.css')],
  'GET /v1/dev/mailbox': async (app) => [anonymous(app, '/v1/dev/mailbox')],
  'GET /.well-known/jwks.json': async (app) => [anonymous(app, '/.well-known/jwks.json')],
  'GET /v1/health': async (app) => [anonymous(app, '/v1/health')],
}

const anonymous = (app: TestApp, path: string): Call => ({ client: app.client(), path, options: {}, status: 200 })

async function asking(app: TestApp, path: string): Promise<Call[]> {
  const { email } = await signUp(app)
  return [email, `nobody-${email}`].map((address) => ({
    client: app.client(),
    path,
    options: { body: { email: address } },
    status: 204,
  }))
}

async function changingAddress(app: TestApp) {
  const { client, email } = await signUpVerified(app)
  await client.post('/v1/users/me/email', { email: `new-${email}` })
  return { client, email, token: tokenIn(await mailTo(app, `new-${email}`, /^Confirm your new/)) }
}

/** Somebody with a passkey whose password sign-in waits for a second factor. */
async function challengedWithPasskey(app: TestApp) {
  const person = await personWithPasskey(app)
  const mfa_token = await challengeFor(app, person)
  return { ...person, mfa_token }
}

async function reading(app: TestApp, path: string): Promise<Call[]> {
  const { client } = await signUp(app)
  return [client, await nativeClient(app)].map((reader) => ({ client: reader, path, options: {}, status: 200 }))
}

/** A client that keeps its tokens itself and sends them in `Authorization`. */
export async function nativeClient(app: TestApp): Promise<Client> {
  const { email } = await signUp(app)
  const { body } = await app.client().post('/v1/auth/login', { email, password, token_delivery: 'body' })
  return app.client({ authorization: `Bearer ${body.access_token}` })
}
