import { password } from '../../support/app.js'
import { type Call, type Calls, reading } from '../../support/calls.js'
import { challenged, enrol, reauthenticate, setup, totp } from '../../support/mfa.js'
import { verifiedPerson } from '../../support/people.js'

export const calls: Calls = {
  'GET /v1/auth/mfa/status': (app) => reading(app, '/v1/auth/mfa/status'),

  async 'POST /v1/auth/mfa/setup'(app) {
    const { client } = await verifiedPerson(app)
    await reauthenticate(client, 'mfa_setup')
    return [{ client, path: '/v1/auth/mfa/setup', options: {}, status: 200 }]
  },

  async 'POST /v1/auth/mfa/enable'(app) {
    const { client } = await verifiedPerson(app)
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

  async 'POST /v1/auth/mfa/verify'(app) {
    const { client, code } = await enrol(app)
    return [{ client, path: '/v1/auth/mfa/verify', options: { body: { code: code(1) } }, status: 200 }]
  },
}
