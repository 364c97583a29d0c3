import { asking, type Calls } from '../../support/calls.js'
import { mailTo, tokenIn } from '../../support/mail.js'
import { newPerson } from '../../support/people.js'

export const calls: Calls = {
  'POST /v1/auth/password/forgot': (app) => asking(app, '/v1/auth/password/forgot'),

  async 'POST /v1/auth/password/reset'(app) {
    const { email } = await newPerson(app)
    await app.client().post('/v1/auth/password/forgot', { email })
    const token = tokenIn(await mailTo(app, email, /^Choose a new password/))
    const body = { token, new_password: 'four-lone-heron-wades-9' }
    return [{ client: app.client(), path: '/v1/auth/password/reset', options: { body }, status: 200 }]
  },
}
