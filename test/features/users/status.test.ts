import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { password, signIn, startApp, type TestApp } from '../../support/app.js'
import type { Client } from '../../support/client.js'
import { newPerson } from '../../support/people.js'

/**
 * @see CVE-2024-47000, CVE-2024-46999 and CVE-2024-47060, Zitadel: deactivated users and organisations that went on
 * @see CVE-2025-14559, Keycloak; CVE-2025-53942, authentik
 */
describe('somebody who may no longer', () => {
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

  /** A browser and a native client of one new user, each with tokens that were good a moment ago. */
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
    it(`because the account is ${status} is refused by every credential at once`, async () => {
      const someone = await person()
      assert.equal((await someone.client.get('/any')).status, 200)
      await app.sql('UPDATE identsphere.users SET status = $1 WHERE id = $2', [status, someone.userId])
      await assertLockedOut(someone)
      const [stored] = await app.sql('SELECT bio FROM identsphere.users WHERE id = $1', [someone.userId])
      assert.equal(stored.bio, null)
    })
  }

  it('because the account is gone is refused by every credential at once', async () => {
    const someone = await person()
    await app.sql('DELETE FROM identsphere.users WHERE id = $1', [someone.userId])
    await assertLockedOut(someone)
  })

  it('because the account’s credentials changed elsewhere is refused by tokens from before, at once', async () => {
    const someone = await person()
    await app.sql('UPDATE identsphere.users SET security_version = security_version + 1 WHERE id = $1', [
      someone.userId,
    ])
    for (const client of [someone.client, someone.bearer]) assert.equal((await client.get('/any')).status, 401)
    const refreshed = await app.client().post('/v1/auth/refresh', { refresh_token: someone.refreshToken })
    assert.equal(refreshed.status, 401)
    await signIn(app, someone.email)
  })

  it('because the account was re-enabled meanwhile signs in anew', async () => {
    const someone = await person()
    await app.sql(`UPDATE identsphere.users SET status = 'disabled' WHERE id = $1`, [someone.userId])
    assert.equal((await someone.client.get('/any')).status, 401)
    await app.sql(`UPDATE identsphere.users SET status = 'active' WHERE id = $1`, [someone.userId])
    await signIn(app, someone.email)
  })

  it('as a member has no role, no permission and no organisation in the very next request', async () => {
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

  it('as a member of higher rank has the lower rank in the very next request', async () => {
    const someone = await person()
    await app.sql(`UPDATE identsphere.organization_memberships SET role = 'viewer' WHERE user_id = $1`, [
      someone.userId,
    ])
    assert.equal((await someone.client.get('/any')).body.role, 'viewer')
  })

  it('act for a deleted organisation gets a session without one', async () => {
    const someone = await person()
    await app.sql('UPDATE identsphere.organizations SET deleted_at = now() WHERE id = $1', [someone.organizationId])
    for (const client of [someone.client, someone.bearer]) assert.equal((await client.get('/any')).status, 401)
    assert.equal((await someone.client.post('/v1/auth/refresh')).status, 200)
    assert.equal((await someone.client.get('/any')).body.organizationId, null)
    assert.equal((await someone.client.get('/members')).status, 403)
  })
})
