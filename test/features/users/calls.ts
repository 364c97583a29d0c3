import { type Calls, reading } from '../../support/calls.js'
import { newPerson } from '../../support/people.js'

export const calls: Calls = {
  'GET /v1/users/me': (app) => reading(app, '/v1/users/me'),

  async 'PATCH /v1/users/me'(app) {
    const { client } = await newPerson(app)
    const body = { display_name: 'Ada', job_title: '', preferences: { theme: 'dark' } }
    return [{ client, path: '/v1/users/me', options: { body }, status: 200 }]
  },
}
