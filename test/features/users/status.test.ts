import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { password, signIn, startApp, type TestApp } from '../../support/app.js'
import type { Client } from '../../support/client.js'
import { newPerson } from '../../support/people.js'

/**
 * @see CVE-2024-47000, CVE-2024-46999 and CVE-2024-47060, Zitadel: deactivated users and organizations kept access
 * @see CVE-2025-14559, Keycloak; CVE-2025-53942, authentik
 */
describe('the credentials of a user', () => {
  let app: TestApp
  before(async () => {
    app = await startApp({
      routes(host, identsphere) {
        host.get('/any', identsphere.requireAuth(), (request, response) => {
          const { organizationId, role, permissions } = identsphere.auth(request)
          response.json({ organizationId, role, permissions })
        })
        host.get('/members', identsphere.requireRole('viewer'), (_request, response) => void response.json({}))
        const readers = identsphere.requirePermission('organization:read')
        host.get('/readers', readers, (_request, response) => void response.json({}))
        host.get('/maybe', identsphere.optionalAuth(), (request, response) => {
          response.json(identsphere.authOrNull(request))
        })
      },
    })
  })
  after(() => app.close())

  /** A browser and a native client of a new user, with tokens that were valid a moment ago. */
  async function person() {
    const { client, email, userId, organizationId } = await newPerson(app)
    const native = await app.client().post('/v1/auth/login', { email, password, token_delivery: 'body' })
    const { access_token, refresh_token } = native.body
    const bearer = app.client({ authorization: `Bearer ${access_token}` })
    return { client, bearer, email, userId, organizationId, refreshToken: refresh_token as string }
  }

  async function assertLockedOut(someone: Awaited<ReturnType<typeof person>>): Promise<void> {
    for (const client of [someone.client, someone.bearer]) {
      for (const path of [
        '/any',
        '/members',
        '/readers',
        '/v1/auth/session',
        '/v1/users/me',
        '/v1/users/me/sessions',
      ]) {
        assert.equal((await client.get(path)).status, 401, path)
      }
      assert.equal((await client.get('/maybe')).text, 'null')
      assert.equal((await client.patch('/v1/users/me', { bio: 'still here' })).status, 401)
      assert.equal((await client.post('/v1/auth/reauthenticate', { password })).status, 401)
    }
    const refreshed = await app.client().post('/v1/auth/refresh', { refresh_token: someone.refreshToken })
    assert.equal(refreshed.status, 401, refreshed.text)
    assert.equal((await someone.client.post('/v1/auth/refresh')).status, 401)
    const login = await app.client().post('/v1/auth/login', { email: someone.email, password })
    assert.equal(login.status, 401)
    assert.equal(login.body.error.code, 'invalid_credentials')
    assert.equal(login.headers['set-cookie'], undefined)
  }

  for (const status of ['disabled', 'deleted', 'invited'] as const) {
    it(`are all refused once the account is ${status}`, async () => {
      const someone = await person()
      assert.equal((await someone.client.get('/any')).status, 200)
      await app.sql('UPDATE identsphere.users SET status = $1 WHERE id = $2', [status, someone.userId])
      await assertLockedOut(someone)
      const [stored] = await app.sql('SELECT bio FROM identsphere.users WHERE id = $1', [someone.userId])
      assert.equal(stored.bio, null)
    })
  }

  it('are all refused once the account is gone', async () => {
    const someone = await person()
    await app.sql('DELETE FROM identsphere.users WHERE id = $1', [someone.userId])
    await assertLockedOut(someone)
  })

  it('are refused after a credential change if they are older', async () => {
    const someone = await person()
    await app.sql('UPDATE identsphere.users SET security_version = security_version + 1 WHERE id = $1', [
      someone.userId,
    ])
    for (const client of [someone.client, someone.bearer]) assert.equal((await client.get('/any')).status, 401)
    const refreshed = await app.client().post('/v1/auth/refresh', { refresh_token: someone.refreshToken })
    assert.equal(refreshed.status, 401)
    await signIn(app, someone.email)
  })

  it('work after a new sign-in once the account is enabled again', async () => {
    const someone = await person()
    await app.sql(`UPDATE identsphere.users SET status = 'disabled' WHERE id = $1`, [someone.userId])
    assert.equal((await someone.client.get('/any')).status, 401)
    await app.sql(`UPDATE identsphere.users SET status = 'active' WHERE id = $1`, [someone.userId])
    await signIn(app, someone.email)
  })

  it('give no role, permission or organization once the membership ends', async () => {
    const someone = await person()
    const rowOf = (client: Client) => client.get('/any').then((answer) => answer.body)
    assert.equal((await rowOf(someone.client)).organizationId, someone.organizationId)
    await app.sql('DELETE FROM identsphere.organization_memberships WHERE user_id = $1', [someone.userId])
    for (const client of [someone.client, someone.bearer]) {
      assert.equal((await client.get('/members')).status, 403)
      assert.equal((await client.get('/readers')).status, 403)
      assert.deepEqual(await rowOf(client), { organizationId: null, role: null, permissions: [] })
      const { body } = await client.get('/v1/auth/session')
      assert.equal(body.user.organization_id, null)
      assert.deepEqual(body.capabilities, { role: null, permissions: [] })
    }
    assert.equal((await someone.client.post('/v1/auth/refresh')).status, 200)
    assert.deepEqual(await rowOf(someone.client), { organizationId: null, role: null, permissions: [] })
    const again = await signIn(app, someone.email)
    assert.deepEqual(await rowOf(again), { organizationId: null, role: null, permissions: [] })
  })

  it('give the lower role at once after a demotion', async () => {
    const someone = await person()
    await app.sql(`UPDATE identsphere.organization_memberships SET role = 'viewer' WHERE user_id = $1`, [
      someone.userId,
    ])
    assert.equal((await someone.client.get('/any')).body.role, 'viewer')
  })

  it('give a session without an organization once that is deleted', async () => {
    const someone = await person()
    await app.sql('UPDATE identsphere.organizations SET deleted_at = now() WHERE id = $1', [someone.organizationId])
    for (const client of [someone.client, someone.bearer]) assert.equal((await client.get('/any')).status, 401)
    assert.equal((await someone.client.post('/v1/auth/refresh')).status, 200)
    assert.equal((await someone.client.get('/any')).body.organizationId, null)
    assert.equal((await someone.client.get('/members')).status, 403)
  })
})
