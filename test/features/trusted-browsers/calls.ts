import { type Calls, reading, type Things } from '../../support/calls.js'
import { enrol } from '../../support/mfa.js'

export const calls: Calls = {
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
}

export const things: Things = {
  async 'DELETE /v1/auth/trusted-browsers/:id'(app, owner) {
    const { client } = await enrol(app, owner)
    const { id } = (await client.post('/v1/auth/trusted-browsers')).body
    return {
      params: { id },
      row: () => app.sql('SELECT id, user_id, revoked_at, label FROM identsphere.trusted_browsers WHERE id = $1', [id]),
    }
  },
}
