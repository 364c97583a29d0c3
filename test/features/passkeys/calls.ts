import { password, type TestApp } from '../../support/app.js'
import type { Calls, Thing, Things } from '../../support/calls.js'
import {
  answerAt,
  beginLogin,
  beginRegistration,
  challengeFor,
  newAuthenticator,
  personWithPasskey,
  register,
} from '../../support/passkeys.js'
import { type Person, verifiedPerson } from '../../support/people.js'

export const calls: Calls = {
  async 'POST /v1/users/me/passkeys/register/begin'(app) {
    const { client } = await verifiedPerson(app)
    await client.post('/v1/auth/reauthenticate', { password, purpose: 'passkey_registration' })
    return [{ client, path: '/v1/users/me/passkeys/register/begin', options: {}, status: 200 }]
  },

  async 'POST /v1/users/me/passkeys/register/complete'(app) {
    const { client } = await verifiedPerson(app)
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
}

export const things: Things = {
  'PATCH /v1/users/me/passkeys/:id': async (app, owner) => ({
    ...(await passkeyOf(app, owner)),
    body: { label: 'Taken' },
  }),
  'DELETE /v1/users/me/passkeys/:id': passkeyOf,
}

async function passkeyOf(app: TestApp, owner: Person): Promise<Thing> {
  const { body } = await register(app, owner.client, newAuthenticator(), 'Laptop')
  const { id } = body.passkey
  return { params: { id }, row: () => app.sql('SELECT * FROM identsphere.user_passkeys WHERE id = $1', [id]) }
}

/** A user with a passkey whose password sign-in requires a second factor. */
async function challengedWithPasskey(app: TestApp) {
  const somebody = await personWithPasskey(app)
  return { ...somebody, mfa_token: await challengeFor(app, somebody) }
}
