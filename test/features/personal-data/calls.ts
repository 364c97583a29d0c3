import { type Calls, reading } from '../../support/calls.js'
import { newPerson } from '../../support/people.js'

export const calls: Calls = {
  'GET /v1/users/me/export': (app) => reading(app, '/v1/users/me/export'),

  async 'DELETE /v1/users/me'(app) {
    const { client } = await newPerson(app)
    return [{ client, path: '/v1/users/me', options: {}, status: 204 }]
  },
}
