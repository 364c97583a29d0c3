import type { TestApp } from '../../support/app.js'
import { asking, type Calls } from '../../support/calls.js'
import { codeIn, mailTo, tokenIn } from '../../support/mail.js'
import { newPerson, verifiedPerson } from '../../support/people.js'

export const calls: Calls = {
  'POST /v1/auth/email-otp/request': (app) => asking(app, '/v1/auth/email-otp/request'),

  'POST /v1/auth/magic-link/request': (app) => asking(app, '/v1/auth/magic-link/request'),

  async 'POST /v1/auth/email-otp/verify'(app) {
    const { email } = await newPerson(app)
    const client = app.client()
    await client.post('/v1/auth/email-otp/request', { email })
    const body = { email, code: codeIn(await mailTo(app, email, /sign-in code$/)) }
    return [{ client, path: '/v1/auth/email-otp/verify', options: { body }, status: 200 }]
  },

  async 'POST /v1/auth/magic-link/verify'(app) {
    const { email } = await newPerson(app)
    await app.client().post('/v1/auth/magic-link/request', { email })
    const body = { token: tokenIn(await mailTo(app, email, /sign-in link$/)) }
    return [{ client: app.client(), path: '/v1/auth/magic-link/verify', options: { body }, status: 200 }]
  },

  async 'POST /v1/auth/reauthenticate/code'(app) {
    const { client } = await newPerson(app)
    return [{ client, path: '/v1/auth/reauthenticate/code', options: {}, status: 204 }]
  },

  async 'POST /v1/auth/email/verify/request'(app) {
    const { client } = await newPerson(app)
    return [{ client, path: '/v1/auth/email/verify/request', options: {}, status: 204 }]
  },

  async 'POST /v1/auth/email/verify'(app) {
    const { client, email } = await newPerson(app)
    await client.post('/v1/auth/email/verify/request')
    const body = { token: tokenIn(await mailTo(app, email, /^Confirm your e-mail/)) }
    return [{ client, path: '/v1/auth/email/verify', options: { body }, status: 200 }]
  },

  async 'POST /v1/users/me/email'(app) {
    const { client, email } = await newPerson(app)
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
}

async function changingAddress(app: TestApp) {
  const { client, email } = await verifiedPerson(app)
  await client.post('/v1/users/me/email', { email: `new-${email}` })
  return { client, email, token: tokenIn(await mailTo(app, `new-${email}`, /^Confirm your new/)) }
}
