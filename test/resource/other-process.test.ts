import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import express from 'express'
import { auth } from 'express-oauth2-jwt-bearer'
import { buildResourceServer } from '../../lib/resource/resource-server.js'
import { signUp, startApp, type TestApp } from '../support/app.js'
import { Client } from '../support/client.js'
import { newPair } from '../support/forgeries.js'
import { bearer, claimsOf, type NativeTokens, signInNatively } from '../support/native-client.js'
import { startResourceProcess } from '../support/resource.js'

let app: TestApp
before(async () => {
  app = await startApp({ signingKeys: [{ privateKey: newPair().privateKey }], mount: '/identity' })
})
after(() => app.close())

async function somebody(): Promise<{ userId: string; tokens: NativeTokens; browser: Client }> {
  const { userId, email, client } = await signUp(app)
  return { userId, tokens: await signInNatively(app, email), browser: client }
}

describe('a service in another process without a database', () => {
  test("accepts the issuer's bearer tokens and nothing else", async () => {
    const service = await startResourceProcess({ issuer: app.url })
    const { userId, tokens, browser } = await somebody()
    const answer = await service.client().get('/guarded', bearer(tokens.accessToken))
    assert.equal(answer.status, 200, answer.text)
    assert.deepEqual(JSON.parse(answer.text), { user_id: userId })

    const fromCookie = browser.cookie('at') ?? ''
    assert.equal(claimsOf(fromCookie).dlv, 'cookie')
    assert.equal((await service.client().get('/guarded', bearer(fromCookie))).status, 401)
    const cookie = { headers: { cookie: `identsphere_at=${fromCookie}` } }
    assert.equal((await service.client().get('/guarded', cookie)).status, 401)
    assert.equal((await service.client().get('/guarded')).status, 401)
    await service.stop()
  })

  test('notices a revocation when the token expires, not before', async () => {
    const service = await startResourceProcess({ issuer: app.url })
    const { tokens } = await somebody()
    const ended = await app.client().post('/v1/auth/logout', { refresh_token: tokens.refreshToken })
    assert.equal(ended.status, 204)
    assert.equal((await app.client().get('/v1/auth/session', bearer(tokens.accessToken))).status, 401)
    const get = () => service.client().get('/guarded', bearer(tokens.accessToken))
    assert.equal((await get()).status, 200)
    await service.advance(901)
    assert.equal((await get()).status, 401)
    await service.stop()
  })

  test('rejects tokens of a revoked key within 10 minutes', async () => {
    const other = await startApp({
      signingKeys: [{ privateKey: newPair().privateKey, kid: 'stolen' }],
      accessTokenSeconds: 3600,
    })
    const service = await startResourceProcess({ issuer: other.url })
    const { email } = await signUp(other)
    const { accessToken } = await signInNatively(other, email)
    const get = () => service.client().get('/guarded', bearer(accessToken))
    assert.equal((await get()).status, 200)
    await other.identsphere.revokeSigningKey('stolen')
    await service.advance(600)
    assert.equal((await get()).status, 401)
    await service.stop()
    await other.close()
  })

  test('rejects tokens of another issuer or for another audience', async () => {
    const { tokens } = await somebody()
    for (const options of [
      { issuer: 'https://id.example.com', audience: app.url, jwksUri: `${app.url}/.well-known/jwks.json` },
      { issuer: app.url, audience: 'https://api.example.com' },
      { issuer: `${app.url}/`, audience: app.url },
    ]) {
      const service = await startResourceProcess(options)
      assert.equal((await service.client().get('/guarded', bearer(tokens.accessToken))).status, 401)
      await service.stop()
    }
  })

  test('ignores proxies of the environment', async () => {
    let asked = 0
    const proxy = createServer((_request, response) => {
      asked += 1
      response.end()
    })
    await new Promise<void>((resolve) => proxy.listen(0, 'localhost', resolve))
    const address = `http://localhost:${(proxy.address() as AddressInfo).port}`
    const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'http_proxy', 'https_proxy', 'all_proxy']
    const environment = Object.fromEntries(names.map((name) => [name, address]))
    const service = await startResourceProcess({ issuer: app.url }, { ...environment, NODE_USE_ENV_PROXY: '1' })
    const { tokens } = await somebody()
    assert.equal((await service.client().get('/guarded', bearer(tokens.accessToken))).status, 200)
    assert.equal(asked, 0)
    await service.stop()
    proxy.close()
  })
})

describe('express-oauth2-jwt-bearer', () => {
  test('verifies the same tokens in the same app without interference', async () => {
    const theirs = auth({
      issuer: app.url,
      audience: app.url,
      jwksUri: `${app.url}/.well-known/jwks.json`,
      tokenSigningAlg: 'RS256',
    })
    const ours = buildResourceServer({ issuer: app.url }, { environment: { NODE_ENV: 'test' }, clock: app.clock })
    const service = express()
    for (const [path, guards] of Object.entries({
      '/theirs-first': [theirs, ours.requireAuth()],
      '/ours-first': [ours.requireAuth(), theirs],
    })) {
      service.get(path, ...guards, (request, response) => {
        response.json([request.auth?.payload.sub, ours.auth(request).userId])
      })
    }
    const server = createServer(service)
    await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
    const client = new Client(`http://localhost:${(server.address() as AddressInfo).port}`)
    const { userId, tokens } = await somebody()
    for (const path of ['/theirs-first', '/ours-first']) {
      const answer = await client.get(path, bearer(tokens.accessToken))
      assert.deepEqual(answer.body, [userId, userId], answer.text)
      assert.equal((await client.get(path)).status, 401)
    }
    server.closeAllConnections()
    server.close()
  })
})
