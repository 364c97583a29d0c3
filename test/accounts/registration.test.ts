import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { password, signUp, startApp, type TestApp } from '../support/app.js'

describe('registration', () => {
  let app: TestApp
  before(async () => {
    app = await startApp()
  })
  after(() => app.close())

  it('makes user, organisation, owner membership, session and audit row together', async () => {
    const client = app.client()
    const answer = await client.post('/v1/auth/register', {
      email: 'Ada@Example.com',
      password,
      display_name: 'Ada',
      organization_name: 'Analytical Engines',
    })
    assert.equal(answer.status, 201, answer.text)
    assert.equal(answer.body.status, 'success')
    assert.equal(answer.body.user.email, 'ada@example.com')
    assert.equal(answer.body.capabilities.role, 'owner')
    assert.equal(answer.body.access_token, undefined)
    const session = await client.get('/v1/auth/session')
    assert.equal(session.status, 200, session.text)
    const [audit] = await app.sql(`SELECT count(*)::int FROM identsphere.audit_logs WHERE action = 'auth.register'`)
    assert.equal(audit.count, 1)
  })

  it('signs in, refreshes, lists and ends sessions', async () => {
    const { email, client } = await signUp(app)
    const other = app.client()
    const login = await other.post('/v1/auth/login', { email, password })
    assert.equal(login.status, 200, login.text)
    const refreshed = await other.post('/v1/auth/refresh')
    assert.equal(refreshed.status, 200, refreshed.text)
    const list = await client.get('/v1/users/me/sessions')
    assert.equal(list.body.sessions.length, 2)
    const others = await client.delete('/v1/users/me/sessions')
    assert.equal(others.status, 204, others.text)
    assert.equal((await other.get('/v1/auth/session')).status, 401)
    assert.equal((await client.post('/v1/auth/logout')).status, 204)
    assert.equal((await client.get('/v1/auth/session')).status, 401)
  })
})
