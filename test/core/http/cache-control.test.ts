import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { password, signUp, startApp, type TestApp } from '../../support/app.js'
import type { Answer, Client } from '../../support/client.js'
import { needs } from '../../support/host.js'
import { newPerson } from '../../support/people.js'

describe('answers with credentials or identities', () => {
  let app: TestApp
  before(async () => {
    app = await startApp({
      routes(host, { requireAuth, requireRole, requireRecentMfa }) {
        host.all('/auth', requireAuth(), (_request, response) => void response.json({}))
        host.all('/role', requireRole('admin'), (_request, response) => void response.json({}))
        host.all('/mfa', requireRecentMfa(), (_request, response) => void response.json({}))
        host.get('/page', requireAuth({ onDenied: 'redirect' }), (_request, response) => void response.json({}))
      },
    })
  })
  after(() => app.close())

  /** @see better-auth #10065, #10222 */
  it('are never cached, neither successes nor errors', async () => {
    const { client, email, sessionId, userId } = await newPerson(app)
    const stranger = app.client()
    const registration = { email: 'cached@example.com', password, organization_name: 'Cached' }
    const requests: Array<[number, Client, string, string, { body?: unknown; raw?: string; headers?: object }?]> = [
      [201, app.client(), 'POST', '/v1/auth/register', { body: registration }],
      [409, app.client(), 'POST', '/v1/auth/register', { body: registration }],
      [200, app.client(), 'POST', '/v1/auth/login', { body: { email, password } }],
      [200, app.client(), 'POST', '/v1/auth/login', { body: { email, password, token_delivery: 'body' } }],
      [401, stranger, 'POST', '/v1/auth/login', { body: { email, password: 'wrong-horse-battery-7' } }],
      [400, stranger, 'POST', '/v1/auth/login', { body: { email } }],
      [413, stranger, 'POST', '/v1/auth/login', { raw: JSON.stringify({ email, password: 'x'.repeat(70_000) }) }],
      [415, stranger, 'POST', '/v1/auth/login', { raw: 'x', headers: { 'content-type': 'text/plain' } }],
      [403, stranger, 'POST', '/v1/auth/login', { body: {}, headers: { origin: 'https://evil.example' } }],
      [401, stranger, 'GET', '/v1/auth/session'],
      [401, stranger, 'GET', '/v1/users/me'],
      [401, stranger, 'POST', '/v1/auth/refresh', { body: {} }],
      [303, stranger, 'GET', '/v1/auth/resume?return_to=/x'],
      [400, stranger, 'GET', '/v1/auth/resume?return_to=/x&return_to=/y'],
      [200, client, 'POST', '/v1/auth/refresh', { body: {} }],
      [303, client, 'GET', '/v1/auth/resume?return_to=/x'],
      [200, client, 'GET', '/v1/auth/session'],
      [200, client, 'GET', '/v1/users/me'],
      [200, client, 'PATCH', '/v1/users/me', { body: { bio: 'x' } }],
      [200, client, 'GET', '/v1/users/me/sessions'],
      [404, client, 'DELETE', `/v1/users/me/sessions/${userId}`],
      [400, client, 'DELETE', '/v1/users/me/sessions/x'],
      [409, client, 'GET', '/v1/auth/session', { headers: { 'x-identsphere-organization': userId } }],
      [200, client, 'POST', '/v1/auth/reauthenticate', { body: { password } }],
      [403, client, 'POST', '/auth', { headers: { 'x-identsphere-csrf': 'x' } }],
      [401, client, 'GET', '/mfa'],
      [401, stranger, 'GET', '/auth'],
      [401, stranger, 'GET', '/role'],
      [303, stranger, 'GET', '/page', { headers: { accept: 'text/html' } }],
      [204, client, 'DELETE', `/v1/users/me/sessions/${sessionId}`],
      [204, client, 'POST', '/v1/auth/logout', { body: {} }],
    ]
    for (const [status, browser, method, path, options] of requests) {
      const answer: Answer = await browser.send(method, path, options as object)
      const told = `${method} ${path} ${status}: ${answer.status} ${answer.text}`
      assert.equal(answer.status, status, told)
      assert.equal(answer.headers['cache-control'], 'no-store', told)
      assert.equal(answer.headers.etag, undefined, told)
    }
  })

  it('are never cached if the body is not JSON', { skip: needs('an unread body') }, async () => {
    const answer = await app.client().send('POST', '/v1/auth/login', { raw: '{' })
    assert.equal(answer.status, 400)
    assert.equal(answer.headers['cache-control'], 'no-store')
  })

  it('are never cached while the database is away', async () => {
    const away = await startApp()
    const { client, email } = await signUp(away)
    await away.sql('ALTER TABLE identsphere.user_sessions RENAME TO user_sessions_away')
    try {
      for (const answer of [
        await client.get('/v1/auth/session'),
        await client.post('/v1/auth/refresh'),
        await client.post('/v1/auth/login', { email, password }),
      ]) {
        assert.equal(answer.status, 503, answer.text)
        assert.equal(answer.headers['cache-control'], 'no-store')
        assert.equal(answer.headers['set-cookie'], undefined)
        assert.ok(answer.headers['retry-after'])
      }
    } finally {
      await away.close()
    }
  })

  it('exclude the public keys, which may be cached for five minutes', async () => {
    const answer = await app.client().get('/.well-known/jwks.json')
    assert.equal(answer.status, 200)
    assert.equal(answer.headers['cache-control'], 'public, max-age=300')
    assert.equal(answer.headers['set-cookie'], undefined)
  })

  it('exclude those of the host, which keep their own headers', async () => {
    const { client } = await newPerson(app)
    const answer = await client.get('/auth')
    assert.equal(answer.status, 200)
    assert.equal(answer.headers['cache-control'], undefined)
    assert.equal(answer.headers['x-content-type-options'], undefined)
  })
})
