import { password } from '../../support/app.js'
import type { Calls } from '../../support/calls.js'
import { newPerson } from '../../support/people.js'

export const calls: Calls = {
  async 'POST /v1/auth/login'(app) {
    const { email } = await newPerson(app)
    const call = (given: object) => ({ client: app.client(), path: '/v1/auth/login', options: { body: given } })
    return [
      { ...call({ email, password }), status: 200 },
      { ...call({ email, password, token_delivery: 'body' }), status: 200 },
    ]
  },

  async 'POST /v1/users/me/password'(app) {
    const { client } = await newPerson(app)
    const body = { current_password: password, new_password: 'four-lone-heron-wades-9' }
    return [{ client, path: '/v1/users/me/password', options: { body }, status: 204 }]
  },
}
