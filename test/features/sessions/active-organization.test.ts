import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { startApp, type TestApp } from '../../support/app.js'
import { newPerson } from '../../support/people.js'

const name = 'x-identsphere-organization'

describe('the organization header of a client', () => {
  let app: TestApp
  before(async () => {
    app = await startApp({
      routes(host, identsphere) {
        const { requireAuth, requireRole, optionalAuth } = identsphere
        host.all('/auth', requireAuth(), (_request, response) => void response.json({}))
        host.all('/role', requireRole('admin'), (_request, response) => void response.json({}))
        host.all('/anyone', optionalAuth(), (_request, response) => void response.json({}))
      },
    })
  })
  after(() => app.close())

  it('is accepted if it names the active organization', async () => {
    const { client, organizationId } = await newPerson(app)
    for (const spelling of [organizationId, organizationId.toUpperCase()]) {
      for (const path of ['/auth', '/role', '/anyone', '/v1/auth/session', '/v1/users/me']) {
        assert.equal((await client.get(path, { headers: { [name]: spelling } })).status, 200, path)
      }
    }
  })

  it('answers 409 and changes nothing if it names another organization', async () => {
    const { client } = await newPerson(app)
    const { organizationId: another } = await newPerson(app)
    for (const wanted of [another, '019a0000-0000-7000-8000-000000000000', 'null', '', `${another},${another}`]) {
      const headers = { [name]: wanted }
      for (const path of ['/auth', '/role', '/anyone', '/v1/auth/session']) {
        const answer = await client.get(path, { headers })
        assert.deepEqual([answer.status, answer.body.error.code], [409, 'conflict'], `${path} with ${wanted}`)
      }
      assert.equal((await client.patch('/v1/users/me', { display_name: 'Elsewhere' }, { headers })).status, 409)
    }
    assert.equal((await client.get('/v1/users/me')).body.display_name, null)
    assert.equal((await client.get('/v1/auth/session')).status, 200)
  })

  it('answers 409 if the session has no organization', async () => {
    const { client, organizationId } = await newPerson(app)
    await app.sql('UPDATE identsphere.organizations SET deleted_at = now() WHERE id = $1', [organizationId])
    assert.equal((await client.post('/v1/auth/refresh')).status, 200)
    assert.equal((await client.get('/auth')).status, 200)
    assert.equal((await client.get('/auth', { headers: { [name]: organizationId } })).status, 409)
  })

  it('answers 409 if the user is no longer a member', async () => {
    const { client, userId, organizationId } = await newPerson(app)
    await app.sql('DELETE FROM identsphere.organization_memberships WHERE user_id = $1', [userId])
    assert.equal((await client.get('/auth')).status, 200)
    assert.equal((await client.get('/auth', { headers: { [name]: organizationId } })).status, 409)
  })

  it('reveals nothing without a session', async () => {
    const { organizationId } = await newPerson(app)
    const answer = await app.client().get('/auth', { headers: { [name]: organizationId } })
    assert.equal(answer.status, 401)
    assert.equal((await app.client().get('/anyone', { headers: { [name]: organizationId } })).status, 200)
  })

  it('applies to authenticate() too', async () => {
    const { client, organizationId, userId } = await newPerson(app)
    const cookie = client.cookieHeader('/')
    const ask = (organization: string) =>
      app.identsphere.authenticate(new Headers({ cookie, [name]: organization }), { method: 'GET' })
    assert.equal((await ask(organizationId))?.userId, userId)
    await assert.rejects(ask(userId), { code: 'conflict' })
  })
})
