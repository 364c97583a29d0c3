import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import express from 'express'
import { errorCatalogue } from '../../../lib/core/errors.js'
import { password, startApp, type TestApp } from '../../support/app.js'
import type { Answer, Client } from '../../support/client.js'
import { bearer, signInNatively } from '../../support/native-client.js'
import { anotherBrowser, newPerson } from '../../support/people.js'

const unsafe = ['POST', 'PUT', 'PATCH', 'DELETE', 'PURGE', 'PROPFIND', 'LINK', 'SEARCH', 'TRACE']

function assertDenied(answer: Answer, told?: string): void {
  assert.equal(answer.status, 403, told ?? answer.text)
  assert.equal(answer.body.error.code, 'csrf_failed', told)
  assert.equal(answer.headers['set-cookie'], undefined, told)
}

describe('the CSRF token of a cookie session', () => {
  let app: TestApp
  let client: Client
  let email: string
  const done: string[] = []
  before(async () => {
    app = await startApp({
      routes(host, { requireAuth, optionalAuth }) {
        const note = (path: string) => (request: { method?: string }, response: express.Response) => {
          done.push(`${request.method} ${path}`)
          response.json({})
        }
        host.all('/guarded', requireAuth(), note('/guarded'))
        host.all('/anyone', optionalAuth(), note('/anyone'))
        host.post('/form', express.urlencoded(), requireAuth(), note('/form'))
      },
    })
    ;({ client, email } = await newPerson(app))
  })
  after(() => app.close())

  /** @see OWASP Cross-Site Request Forgery Prevention, "Signed Double-Submit Cookie" */
  it("is required by every unsafe method, on the host's guarded routes too", async () => {
    for (const path of ['/guarded', '/anyone']) {
      for (const method of unsafe) {
        done.length = 0
        assertDenied(await client.send(method, path, { csrf: false }), `${method} ${path}`)
        assert.deepEqual(done, [])
        assert.equal((await client.send(method, path)).status, 200, `${method} ${path}`)
      }
      for (const method of ['GET', 'HEAD', 'OPTIONS']) {
        assert.equal((await client.send(method, path, { csrf: false })).status, 200, `${method} ${path}`)
      }
    }
  })

  it('is required by every route of IdentSphere that changes something', async () => {
    const { sessionId, client: mine, userId } = await newPerson(app)
    const state = () =>
      app.sql(
        'SELECT u.*, s.* FROM identsphere.users u JOIN identsphere.user_sessions s ON s.user_id = u.id WHERE u.id = $1',
        [userId],
      )
    const before = await state()
    const requests: Array<[string, string, object?]> = [
      ['PATCH', '/v1/users/me', { display_name: 'Mallory' }],
      ['POST', '/v1/users/me/password', { current_password: password, new_password: 'another-horse-battery-8' }],
      ['DELETE', '/v1/users/me/sessions'],
      ['DELETE', `/v1/users/me/sessions/${sessionId}`],
      ['POST', '/v1/auth/reauthenticate', { password }],
      ['POST', '/v1/auth/refresh'],
      ['POST', '/v1/auth/logout'],
    ]
    for (const [method, path, body] of requests) {
      for (const csrf of [false, '', 'x', `1.${'A'.repeat(43)}`] as const) {
        assertDenied(await mine.send(method, path, { body, csrf }), `${method} ${path} ${csrf}`)
      }
    }
    assert.deepEqual(await state(), before)
    assert.equal((await mine.get('/v1/auth/session')).status, 200)
  })

  it('is bound to its session, even among sessions of one user', async () => {
    const second = await anotherBrowser(app, email)
    const stranger = (await newPerson(app)).client
    for (const other of [second, stranger]) {
      const csrf = other.cookie('csrf') ?? ''
      assertDenied(await client.post('/guarded', {}, { csrf }))
      assertDenied(await client.post('/v1/auth/refresh', {}, { csrf }))
      assertDenied(await client.post('/v1/auth/logout', {}, { csrf }))
      assertDenied(await client.patch('/v1/users/me', {}, { csrf }))
    }
    assert.equal((await client.get('/v1/auth/session')).status, 200)
  })

  it('cannot be replaced by a cookie that a sibling subdomain plants', async () => {
    const stranger = (await newPerson(app)).client
    const session = `identsphere_at=${client.cookie('at')}`
    for (const planted of ['planted', `1.${'B'.repeat(43)}`, stranger.cookie('csrf') ?? '']) {
      const headers = { cookie: `${session}; identsphere_csrf=${planted}`, 'x-identsphere-csrf': planted }
      assertDenied(await app.client().post('/guarded', {}, { headers }))
    }
    // A planted cookie does no harm either. The token is valid with or without its cookie.
    const headers = {
      cookie: `${session}; identsphere_csrf=planted`,
      'x-identsphere-csrf': client.cookie('csrf') ?? '',
    }
    assert.equal((await app.client().post('/guarded', {}, { headers })).status, 200)
  })

  it('is void after a change of its version or any character', async () => {
    const token = client.cookie('csrf') ?? ''
    const [version = '', mac = ''] = token.split('.')
    const flipped = mac[0] === 'A' ? `B${mac.slice(1)}` : `A${mac.slice(1)}`
    for (const csrf of [
      `${version}.${flipped}`,
      `2.${mac}`,
      `0${version}.${mac}0`,
      mac,
      `${token}=`,
      `${token} x`,
      `${version}.${mac.slice(0, -1)}`,
      `${token}, ${token}`,
    ]) {
      assertDenied(await client.post('/guarded', {}, { csrf }), csrf)
    }
  })

  it('may be sent as X-CSRF-Token or as the form field _csrf', async () => {
    const token = client.cookie('csrf') ?? ''
    const renamed = await client.post('/guarded', {}, { csrf: false, headers: { 'x-csrf-token': token } })
    assert.equal(renamed.status, 200)
    const form = (field: string) =>
      client.send('POST', '/form', {
        csrf: false,
        raw: new URLSearchParams({ _csrf: field }).toString(),
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      })
    assert.equal((await form(token)).status, 200)
    assertDenied(await form('x'))
    const twice = await client.send('POST', '/form', {
      csrf: false,
      raw: `_csrf=${token}&_csrf=${token}`,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    })
    assertDenied(twice)
  })

  it('survives refresh and step-up, and ends with the session', async () => {
    const { client: browser } = await newPerson(app)
    const token = browser.cookie('csrf')
    await browser.post('/v1/auth/refresh')
    await browser.post('/v1/auth/reauthenticate', { password })
    assert.equal(browser.cookie('csrf'), token)
    const copy = app.client()
    for (const [name, cookie] of browser.cookies) copy.cookies.set(name, cookie)
    await browser.post('/v1/auth/logout')
    assert.equal((await copy.post('/guarded')).status, 401)
  })

  it('is not required with a bearer token', async () => {
    const { accessToken } = await signInNatively(app, email)
    assert.equal((await app.client().post('/guarded', {}, bearer(accessToken))).status, 200)
    const foreign = { headers: { ...bearer(accessToken).headers, origin: 'https://elsewhere.example' } }
    assert.equal((await app.client().patch('/v1/users/me', {}, foreign)).status, 200)
    assert.equal((await client.post('/guarded', {}, { csrf: false, ...bearer(accessToken) })).status, 200)
    const broken = await client.post('/guarded', {}, { csrf: false, headers: { authorization: 'Bearer x.y.z' } })
    assert.equal(broken.status, 401)
  })

  it('is required by authenticate() unless a safe method is given', async () => {
    const headers = new Headers({ cookie: client.cookieHeader('/') })
    assert.ok(await app.identsphere.authenticate(headers, { method: 'GET' }))
    for (const method of [undefined, 'POST', 'get', 'QUERY']) {
      const options = method === undefined ? {} : { method }
      await assert.rejects(app.identsphere.authenticate(headers, options), { code: 'csrf_failed' }, method)
    }
  })
})

describe('a request that may come from another site', () => {
  let app: TestApp
  let client: Client
  let email: string
  before(async () => {
    app = await startApp({
      allowedOrigins: ['https://app.example.com'],
      routes(host, { requireAuth }) {
        host.all('/guarded', requireAuth(), (_request, response) => void response.json({}))
      },
    })
    ;({ client, email } = await newPerson(app))
  })
  after(() => app.close())

  /** Everything that a sign-in stores, to assert that a denied one stored nothing. */
  const traces = () =>
    app.sql(
      `SELECT (SELECT count(*) FROM identsphere.users) AS users, (SELECT count(*) FROM identsphere.user_sessions) AS sessions,
         (SELECT count(*) FROM identsphere.audit_logs) AS rows, (SELECT coalesce(sum(count), 0) FROM identsphere.budgets) AS spent`,
    )

  const foreign: Record<string, Record<string, string>> = {
    'another site': { origin: 'https://evil.example' },
    'an opaque origin': { origin: 'null' },
    'an empty origin': { origin: '' },
    'a sibling subdomain': { origin: 'https://evil.app.example.com' },
    'a longer host name': { origin: 'https://app.example.com.evil.example' },
    'plain http': { origin: 'http://app.example.com' },
    'another port': { origin: 'https://app.example.com:8443' },
    'a trailing slash': { origin: 'https://app.example.com/' },
    'two origins': { origin: 'https://app.example.com, https://evil.example' },
    'fetch metadata alone': { 'sec-fetch-site': 'cross-site' },
    'a foreign origin that claims same-origin': {
      origin: 'https://evil.example',
      'sec-fetch-site': 'same-origin',
    },
    'Basic credentials that the browser resends': { origin: 'https://evil.example', authorization: 'Basic dTpw' },
    'any other Authorization': { 'sec-fetch-site': 'cross-site', authorization: 'Bearer x.y.z' },
  }

  /** @see better-auth #9973, #10368: login CSRF */
  for (const [who, headers] of Object.entries(foreign)) {
    it(`cannot sign in or up, refresh, or use up attempts (${who})`, async () => {
      const before = await traces()
      const requests: Array<[string, object]> = [
        ['/v1/auth/login', { email, password }],
        ['/v1/auth/login', { email, password: 'wrong-horse-battery-7' }],
        ['/v1/auth/register', { email: 'new@example.com', password, organization_name: 'New' }],
        ['/v1/auth/refresh', {}],
      ]
      for (const [path, body] of requests) {
        assertDenied(await app.client().post(path, body, { headers }), path)
      }
      assertDenied(await client.post('/v1/auth/refresh', {}, { headers }))
      assertDenied(await client.post('/v1/auth/logout', {}, { headers }))
      assert.deepEqual(await traces(), before)
      assert.equal((await client.get('/v1/auth/session')).status, 200)
    })
  }

  it('passes no guard, even with the CSRF token', async () => {
    for (const [who, headers] of Object.entries(foreign)) {
      if (headers.authorization !== undefined) continue
      assertDenied(await client.post('/guarded', {}, { headers }), who)
      assertDenied(await client.patch('/v1/users/me', {}, { headers }), who)
    }
  })

  it('is accepted from own origins, and cross-site from listed ones', async () => {
    for (const headers of [
      { origin: client.origin, 'sec-fetch-site': 'same-origin' },
      { origin: 'https://app.example.com', 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-origin' },
      { 'sec-fetch-site': 'none' },
      {},
    ]) {
      assert.equal((await client.post('/guarded', {}, { headers })).status, 200)
      assert.equal((await app.client().post('/v1/auth/login', { email, password }, { headers })).status, 200)
    }
  })

  it('cannot be a form, since only application/json is read', async () => {
    const before = await traces()
    const text = JSON.stringify({ email, password })
    for (const type of [
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'text/plain',
      'text/plain; application/json',
      'application/json-patch+json',
      undefined,
    ]) {
      const answer = await app.client().send('POST', '/v1/auth/login', { raw: text, headers: { 'content-type': type } })
      assert.equal(answer.status, 415, type)
      assert.equal(answer.headers['set-cookie'], undefined)
    }
    assert.deepEqual(await traces(), before)
  })

  it('is accepted by a function only if it returns true', async () => {
    const lenient = await app.node({
      allowedOrigins: ((origin: string) => (origin === 'https://yes.example' ? true : Promise.resolve(true))) as (
        origin: string,
      ) => boolean,
    })
    const login = (origin: string) =>
      lenient.client().post('/v1/auth/login', { email, password }, { headers: { origin } })
    assert.equal((await login('https://yes.example')).status, 200)
    assertDenied(await login('https://evil.example'))
  })

  /** @see better-auth #9991 */
  it('gets an error with the setting to change, in development only', async () => {
    const at = (node: TestApp) => ({ origin: node.origin.replace('localhost', '127.0.0.1') })
    const { origin } = at(app)
    const told = new RegExp(`${origin}.*publicBaseUrl is ${app.origin}\\..*allowedOrigins`)
    const login = await app.client().post('/v1/auth/login', { email, password }, { headers: { origin } })
    assertDenied(login)
    assert.match(login.body.error.message, told)
    const guarded = await client.post('/guarded', {}, { headers: { origin } })
    assertDenied(guarded)
    assert.match(guarded.body.error.message, told)

    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const node = await app.node({
      development: false,
      publicBaseUrl: 'https://app.example.com',
      signingKeys: [{ privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string }],
    })
    const refused = await node.client().post('/v1/auth/login', { email, password }, { headers: { origin } })
    assertDenied(refused)
    assert.equal(refused.body.error.message, errorCatalogue.csrf_failed.message)
  })

  it('cannot sign out by GET or HEAD', async () => {
    for (const method of ['GET', 'HEAD']) {
      for (const path of ['/v1/auth/logout', '/v1/auth/logout?confirm=1', '/v1/users/me/sessions/x?_method=DELETE']) {
        const answer = await client.send(method, path, { headers: { 'sec-fetch-site': 'cross-site' } })
        assert.equal(answer.status, 404, path)
        assert.equal(answer.headers['set-cookie'], undefined)
      }
    }
    const overridden = await client.get('/v1/users/me/sessions', { headers: { 'x-http-method-override': 'DELETE' } })
    assert.equal(overridden.status, 200)
    assert.equal((await client.get('/v1/auth/session')).status, 200)
  })
})
