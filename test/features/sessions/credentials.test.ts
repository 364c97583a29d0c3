import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { password, startApp, type TestApp } from '../../support/app.js'
import { bearer, claimsOf, refreshNatively, sessionIdOf, signInNatively } from '../../support/native-client.js'
import { anotherBrowser, newPerson } from '../../support/people.js'

function privateKey(): string {
  return generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  }).privateKey
}

function kidOf(token: string): string {
  return JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString('utf8')).kid
}

describe('the place of a token', () => {
  let app: TestApp
  let email: string
  before(async () => {
    app = await startApp()
    email = (await newPerson(app)).email
  })
  after(() => app.close())

  it("rejects a cookie's access token in the Authorization header", async () => {
    const browser = await anotherBrowser(app, email)
    const token = browser.cookie('at') ?? ''
    assert.equal(claimsOf(token).dlv, 'cookie')
    assert.equal((await browser.get('/v1/auth/session')).status, 200)
    assert.equal((await app.client().get('/v1/auth/session', bearer(token))).status, 401)
    assert.equal((await app.client().patch('/v1/users/me', { bio: 'x' }, bearer(token))).status, 401)
    assert.equal((await app.client().post('/v1/auth/logout', {}, bearer(token))).status, 204)
    assert.equal((await browser.get('/v1/auth/session')).status, 200, 'logout treated it as a bearer token')
  })

  it("rejects a native client's access token in a cookie", async () => {
    const { accessToken } = await signInNatively(app, email)
    assert.equal(claimsOf(accessToken).dlv, undefined)
    const answer = await app.client().get('/v1/auth/session', { headers: { cookie: `identsphere_at=${accessToken}` } })
    assert.equal(answer.status, 401)
    assert.equal((await app.client().get('/v1/auth/session', bearer(accessToken))).status, 200)
  })

  it('is the cookie alone by default, never the response body', async () => {
    const client = app.client()
    const login = await client.post('/v1/auth/login', { email, password })
    const refreshed = await client.post('/v1/auth/refresh')
    const again = await client.post('/v1/auth/reauthenticate', { password })
    for (const answer of [login, refreshed, again]) {
      assert.equal(answer.status, 200, answer.text)
      for (const name of ['at', 'rt']) assert.equal(answer.text.includes(client.cookie(name) ?? 'missing'), false)
      assert.equal('access_token' in answer.body || 'refresh_token' in answer.body, false)
    }
  })

  it('is the body alone for native clients, never a cookie', async () => {
    const client = app.client()
    const login = await client.post('/v1/auth/login', { email, password, token_delivery: 'body' })
    const refreshed = await client.post('/v1/auth/refresh', { refresh_token: login.body.refresh_token })
    const again = await client.post('/v1/auth/reauthenticate', { password }, bearer(refreshed.body.access_token))
    for (const answer of [login, refreshed, again]) {
      assert.equal(answer.status, 200, answer.text)
      assert.equal(answer.headers['set-cookie'], undefined)
      assert.equal('csrf_token' in answer.body, false)
    }
    assert.equal((await app.client().get('/v1/auth/session', bearer(again.body.access_token))).status, 200)
  })

  it('is the Authorization header alone if there is one', async () => {
    const browser = await anotherBrowser(app, email)
    const tokens = await signInNatively(app, (await newPerson(app)).email)
    const broken = ['', 'Bearer', 'Bearer ', 'Bearer  x', 'Bearer x y', 'Basic dTpw', 'Bearer %E0%A4%A', 'DPoP x.y.z']
    for (const authorization of [
      ...broken,
      `Basic ${tokens.accessToken}`,
      `Bearer ${tokens.accessToken.slice(0, -2)}`,
    ]) {
      const answer = await browser.get('/v1/auth/session', { headers: { authorization } })
      assert.equal(answer.status, 401, authorization)
      assert.equal((await browser.patch('/v1/users/me', {}, { headers: { authorization } })).status, 401)
    }
    const other = await browser.get('/v1/auth/session', bearer(tokens.accessToken))
    assert.equal(other.body.user.user_id, claimsOf(tokens.accessToken).sub)
    assert.equal((await browser.post('/v1/auth/logout', {}, bearer(tokens.accessToken))).status, 204)
    assert.equal((await app.client().get('/v1/auth/session', bearer(tokens.accessToken))).status, 401)
  })
})

describe('an access token and its session', () => {
  let app: TestApp
  before(async () => {
    app = await startApp({
      routes(host, { requireRecentAuth, requireRecentMfa }) {
        host.get('/recent', requireRecentAuth(), (_request, response) => void response.json({}))
        host.get('/mfa', requireRecentMfa(), (_request, response) => void response.json({}))
      },
    })
  })
  after(() => app.close())

  it('must agree on the active organization', async () => {
    const { email, userId } = await newPerson(app)
    const { organizationId: joined } = await newPerson(app)
    const { organizationId: foreign } = await newPerson(app)
    await app.sql(`INSERT INTO identsphere.organization_memberships VALUES ($1, $2, 'viewer', now())`, [joined, userId])
    const expected: Array<[string | null, string | null, string | null]> = [
      [joined, joined, 'viewer'],
      [foreign, null, null],
      [null, null, null],
    ]
    for (const [organizationId, seen, role] of expected) {
      const tokens = await signInNatively(app, email)
      const read = () => app.client().get('/v1/auth/session', bearer(tokens.accessToken))
      assert.equal((await read()).status, 200)
      await app.sql('UPDATE identsphere.user_sessions SET organization_id = $2 WHERE id = $1', [
        sessionIdOf(tokens),
        organizationId,
      ])
      assert.equal((await read()).status, 401)
      const { access_token } = (await refreshNatively(app, tokens.refreshToken)).body
      const session = await app.client().get('/v1/auth/session', bearer(access_token))
      assert.equal(session.body.user.user_id, userId)
      assert.equal(session.body.user.organization_id, seen)
      assert.equal(session.body.capabilities.role, role)
    }
  })

  it('cannot have a deleted organization', async () => {
    const { client, organizationId } = await newPerson(app)
    await app.sql('UPDATE identsphere.organizations SET deleted_at = now() WHERE id = $1', [organizationId])
    assert.equal((await client.get('/v1/auth/session')).status, 401)
    assert.equal((await client.post('/v1/auth/refresh')).status, 200)
    const session = (await client.get('/v1/auth/session')).body
    assert.equal(session.user.organization_id, null)
    assert.deepEqual(session.capabilities, { role: null, permissions: [] })
  })

  it('must agree on the user', async () => {
    const mine = await newPerson(app)
    const theirs = await newPerson(app)
    await app.sql('UPDATE identsphere.user_sessions SET user_id = $2 WHERE id = $1', [mine.sessionId, theirs.userId])
    assert.equal((await mine.client.get('/v1/auth/session')).status, 401)
  })

  it('count as recent only if the token is newer than the step-up', async () => {
    const { email } = await newPerson(app)
    const old = await signInNatively(app, email)
    await app.sql('UPDATE identsphere.user_sessions SET mfa_verified_at = now() WHERE id = $1', [sessionIdOf(old)])
    const get = (path: string, token: string) => app.client().get(path, bearer(token))
    assert.equal((await get('/recent', old.accessToken)).status, 200)
    assert.equal((await get('/mfa', old.accessToken)).status, 200)

    const again = await app.client().post('/v1/auth/reauthenticate', { password }, bearer(old.accessToken))
    assert.equal(again.status, 200, again.text)
    assert.equal((await get('/recent', again.body.access_token)).status, 200)
    assert.equal((await get('/mfa', again.body.access_token)).status, 200)

    const recent = await get('/recent', old.accessToken)
    assert.deepEqual([recent.status, recent.body.error.code], [401, 'reauthentication_required'])
    const mfa = await get('/mfa', old.accessToken)
    assert.deepEqual([mfa.status, mfa.body.error.code], [401, 'mfa_required'])
    assert.equal((await get('/v1/auth/session', old.accessToken)).status, 200, 'it stays valid for everything else')
  })

  it('are recent again after a step-up with new cookies', async () => {
    const { client } = await newPerson(app)
    const before = client.cookie('at')
    app.clock.advance(601)
    const stale = await client.get('/recent')
    assert.deepEqual([stale.status, stale.body.error.code], [401, 'reauthentication_required'])
    const wrong = await client.post('/v1/auth/reauthenticate', { password: 'wrong-horse-battery-7' })
    assert.deepEqual([wrong.status, wrong.body.error.code], [401, 'invalid_credentials'])
    assert.equal((await client.get('/recent')).status, 401)
    assert.equal((await client.post('/v1/auth/reauthenticate', { password })).status, 200)
    assert.notEqual(client.cookie('at'), before)
    assert.equal((await client.get('/recent')).status, 200)
  })

  it('do not become recent by a refresh', async () => {
    const { client } = await newPerson(app)
    app.clock.advance(601)
    assert.equal((await client.post('/v1/auth/refresh')).status, 200)
    assert.equal((await client.get('/recent')).status, 401)
    assert.equal((await client.get('/mfa')).status, 401)
  })

  it('do not count a future time as recent', async () => {
    const { client, sessionId } = await newPerson(app)
    await app.sql(
      `UPDATE identsphere.user_sessions SET auth_time = now() + interval '1 year', mfa_verified_at = now() + interval '1 year'
       WHERE id = $1`,
      [sessionId],
    )
    assert.equal((await client.get('/recent')).status, 401)
    assert.equal((await client.get('/mfa')).status, 401)
  })

  it("are rejected if the token's epoch is ahead of the session's", async () => {
    const { client, sessionId } = await newPerson(app)
    assert.equal((await client.post('/v1/auth/reauthenticate', { password })).status, 200)
    await app.sql('UPDATE identsphere.user_sessions SET epoch = 0 WHERE id = $1', [sessionId])
    assert.equal((await client.get('/v1/auth/session')).status, 401)
  })
})

describe('a revoked signing key', () => {
  it('is rejected at every node immediately and no longer published', async () => {
    const [first, second] = [privateKey(), privateKey()]
    const app = await startApp({
      issuer: 'http://id.test',
      signingKeys: [{ privateKey: first }, { privateKey: second }],
    })
    try {
      const other = await app.node({ signingKeys: [{ privateKey: second }, { privateKey: first }] })
      const { email, client } = await newPerson(app)
      const tokens = await signInNatively(app, email)
      const kid = kidOf(tokens.accessToken)
      const published = async (node: TestApp): Promise<string[]> =>
        (await node.client().get('/.well-known/jwks.json')).body.keys.map((key: { kid: string }) => key.kid)
      const read = (node: TestApp, token: string) => node.client().get('/v1/auth/session', bearer(token))
      for (const node of [app, other]) {
        assert.equal((await read(node, tokens.accessToken)).status, 200)
        assert.equal((await published(node)).length, 2)
      }
      const unaffected = await signInNatively(other, email)

      await app.identsphere.revokeSigningKey(kid)
      for (const node of [other, app]) {
        assert.equal((await read(node, tokens.accessToken)).status, 401)
        assert.deepEqual(await published(node), [kidOf(unaffected.accessToken)])
        assert.equal((await read(node, unaffected.accessToken)).status, 200)
      }
      assert.equal((await client.get('/v1/auth/session')).status, 401)

      // An attacker with the key can create tokens for any session id. None of these may end a session either.
      assert.equal((await other.client().post('/v1/auth/logout', {}, bearer(tokens.accessToken))).status, 204)
      const refreshed = await refreshNatively(other, tokens.refreshToken)
      assert.equal(refreshed.status, 200, 'sessions outlive every key')
      assert.notEqual(kidOf(refreshed.body.access_token), kid)
      for (const node of [other, app]) assert.equal((await read(node, refreshed.body.access_token)).status, 200)
      await app.identsphere.revokeSigningKey(kid)
    } finally {
      await app.close()
    }
  })
})
