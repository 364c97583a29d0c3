import { password } from '../../support/app.js'
import type { Calls } from '../../support/calls.js'

export const calls: Calls = {
  async 'POST /v1/auth/register'(app) {
    const body = (email: string) => ({ email, password, organization_name: 'Example Works' })
    const call = (given: object) => ({ client: app.client(), path: '/v1/auth/register', options: { body: given } })
    return [
      { ...call(body('cookie-delivery@example.com')), status: 201 },
      { ...call({ ...body('body-delivery@example.com'), token_delivery: 'body' }), status: 201 },
    ]
  },
}
