import { password } from '../../support/app.js'
import { type Calls, reading, type Things } from '../../support/calls.js'
import { anotherBrowser, nativeClient, newPerson } from '../../support/people.js'

export const calls: Calls = {
  async 'POST /v1/auth/refresh'(app) {
    const path = '/v1/auth/refresh'
    const { client, email } = await newPerson(app)
    const { body } = await app.client().post('/v1/auth/login', { email, password, token_delivery: 'body' })
    return [
      { client, path, options: {}, status: 200 },
      { client: app.client(), path, options: { body: { refresh_token: body.refresh_token } }, status: 200 },
    ]
  },

  async 'GET /v1/auth/resume'(app) {
    const { client } = await newPerson(app)
    const path = '/v1/auth/resume?return_to=%2Freports'
    return [client, app.client()].map((browser) => ({ client: browser, path, options: {}, status: 303 }))
  },

  async 'POST /v1/auth/logout'(app) {
    const { client } = await newPerson(app)
    return [client, await nativeClient(app), app.client()].map((browser) => ({
      client: browser,
      path: '/v1/auth/logout',
      options: { body: {} },
      status: 204,
    }))
  },

  'GET /v1/auth/session': (app) => reading(app, '/v1/auth/session'),

  'GET /v1/users/me/sessions': (app) => reading(app, '/v1/users/me/sessions'),

  async 'DELETE /v1/users/me/sessions/:id'(app) {
    const { email, sessionId } = await newPerson(app)
    const client = await anotherBrowser(app, email)
    const own = (await client.get('/v1/auth/session')).body.session.id
    return [sessionId, own].map((id) => ({ client, path: `/v1/users/me/sessions/${id}`, options: {}, status: 204 }))
  },

  async 'DELETE /v1/users/me/sessions'(app) {
    const { client } = await newPerson(app)
    return [{ client, path: '/v1/users/me/sessions', options: {}, status: 204 }]
  },
}

export const things: Things = {
  async 'DELETE /v1/users/me/sessions/:id'(app, owner) {
    const client = await anotherBrowser(app, owner.email)
    const id = (await client.get('/v1/auth/session')).body.session.id
    return {
      params: { id },
      row: () => app.sql('SELECT id, user_id, revoked_at, epoch FROM identsphere.user_sessions WHERE id = $1', [id]),
    }
  },
}
