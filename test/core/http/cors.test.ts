import assert from 'node:assert/strict'
import { createServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { password, startApp, type TestApp } from '../../support/app.js'
import { type Answer, Client } from '../../support/client.js'
import { newPerson } from '../../support/people.js'
import { routesOf } from '../../support/routes.js'

const page = 'https://app.example.com'

/** Origins that differ from an own one in one detail. */
const foreign = [
  'null',
  '',
  'https://evil.example',
  'https://APP.example.com',
  'https://app.example.com.',
  'https://app.example.com/',
  'https://app.example.com:443',
  'https://app.example.com:8443',
  'http://app.example.com',
  'https://user@app.example.com',
  'https://app.example.com@evil.example',
  'https://app.example.com.evil.example',
  'https://evil.app.example.com',
  'https://app.example.com, https://app.example.com',
  'https://app.example.com, https://evil.example',
  'https://app.example.com\thttps://evil.example',
  '*',
]

function corsHeadersOf({ headers }: Answer): string[] {
  return Object.keys(headers).filter((name) => name.startsWith('access-control-'))
}

describe('a page of another origin', () => {
  let app: TestApp
  let client: Client
  before(async () => {
    app = await startApp({
      mount: '/identity',
      allowedOrigins: [page],
      routes(host, { requireAuth }) {
        host.get('/guarded', requireAuth(), (_request, response) => void response.json({}))
        host.use((request, response) => void response.status(404).json({ host: request.method }))
      },
    })
    ;({ client } = await newPerson(app))
  })
  after(() => app.close())

  const preflight = (path: string, method: string, headers: Record<string, string | string[]> = {}) =>
    app
      .client()
      .send('OPTIONS', path, { headers: { origin: page, 'access-control-request-method': method, ...headers } })

  const concrete = (path: string) => path.replace(':id', '00000000-0000-4000-8000-000000000000')

  it("gets each route's methods and headers in preflights if listed", async () => {
    const routes = routesOf(app)
    assert.ok(routes.length > 10)
    for (const { method, path } of routes) {
      if (path === '/.well-known/jwks.json' || path === '/v1/client.js') continue
      const answer = await preflight(concrete(path), method, { 'access-control-request-headers': 'x-evil' })
      assert.equal(answer.status, 204, path)
      assert.equal(answer.text, '')
      assert.equal(answer.headers['access-control-allow-origin'], page)
      assert.equal(answer.headers['access-control-allow-credentials'], 'true')
      assert.equal(answer.headers['access-control-max-age'], '600')
      assert.match(answer.headers.vary ?? '', /Origin/)
      assert.equal(answer.headers['access-control-allow-methods'], method)
      const headers = (answer.headers['access-control-allow-headers'] ?? '').toLowerCase().split(', ')
      assert.deepEqual(headers.sort(), [
        'authorization',
        'content-type',
        'x-csrf-token',
        'x-identsphere-csrf',
        'x-identsphere-organization',
      ])
    }
  })

  it('gets no CORS headers if not listed', async () => {
    for (const origin of foreign) {
      const answer = await preflight('/v1/auth/login', 'POST', { origin })
      assert.deepEqual([answer.status, corsHeadersOf(answer)], [204, []], origin)
      assert.match(answer.headers.vary ?? '', /Origin/)
      for (const path of ['/v1/auth/session', '/v1/users/me', '/v1/health']) {
        const read = await client.get(path, { headers: { origin } })
        assert.deepEqual([read.status, corsHeadersOf(read)], [200, []], origin)
        assert.match(read.headers.vary ?? '', /Origin/, 'no cache may serve it to another origin')
      }
      const write = await client.patch('/v1/users/me', { display_name: 'Eve' }, { headers: { origin } })
      assert.deepEqual([write.status, corsHeadersOf(write)], [403, []], origin)
    }
    const several = await preflight('/v1/auth/login', 'POST', { origin: [page, 'https://evil.example'] })
    assert.deepEqual(corsHeadersOf(several), [])
  })

  it('reads answers and errors with cookies if listed', async () => {
    const headers = { origin: page, 'sec-fetch-site': 'same-site' }
    const answers: Array<[number, Answer]> = [
      [200, await client.get('/v1/auth/session', { headers })],
      [200, await client.patch('/v1/users/me', { display_name: 'Ada' }, { headers })],
      [400, await client.patch('/v1/users/me', { role: 'owner' }, { headers })],
      [401, await app.client().get('/v1/auth/session', { headers })],
      [403, await client.patch('/v1/users/me', {}, { headers, csrf: false })],
      [404, await client.delete(concrete('/v1/users/me/sessions/:id'), { headers })],
      [400, await client.delete('/v1/users/me/sessions/%E0%A4%A', { headers })],
      [
        415,
        await client.send('POST', '/v1/auth/login', {
          raw: 'x',
          headers: { ...headers, 'content-type': 'text/plain' },
        }),
      ],
    ]
    for (const [status, answer] of answers) {
      assert.equal(answer.status, status, answer.text)
      assert.equal(answer.headers['access-control-allow-origin'], page)
      assert.equal(answer.headers['access-control-allow-credentials'], 'true')
      assert.equal(answer.headers['access-control-expose-headers'], 'Retry-After, X-Request-Id, WWW-Authenticate')
      assert.match(answer.headers.vary ?? '', /Origin/)
    }
  })

  it('finds the CSRF token in the session, since it cannot read the cookie', async () => {
    const { body } = await client.get('/v1/auth/session', { headers: { origin: page } })
    const csrf = client.cookie('csrf') as string
    assert.equal(body.csrf_token, csrf)
    const headers = { origin: page, 'x-identsphere-csrf': body.csrf_token }
    assert.equal((await client.patch('/v1/users/me', {}, { headers, csrf: false })).status, 200)
    const { email } = await newPerson(app)
    const native = await app.client().post('/v1/auth/login', { email, password, token_delivery: 'body' })
    const bearer = { authorization: `Bearer ${native.body.access_token}` }
    assert.ok(!('csrf_token' in (await app.client().get('/v1/auth/session', { headers: bearer })).body))
  })

  it('may always read the public keys, without credentials', async () => {
    for (const origin of [page, 'https://evil.example', 'null']) {
      const keys = await client.get('/.well-known/jwks.json', { headers: { origin } })
      assert.equal(keys.status, 200)
      assert.equal(keys.headers['access-control-allow-origin'], '*')
      assert.equal(keys.headers['access-control-allow-credentials'], undefined)
      const asked = await preflight('/.well-known/jwks.json', 'GET', { origin })
      assert.equal(asked.headers['access-control-allow-origin'], '*')
      assert.equal(asked.headers['access-control-allow-credentials'], undefined)
    }
  })

  it('never gets a wildcard or an echo of its request', async () => {
    const huge = Array.from({ length: 600 }, (_, index) => `x-header-${index}`).join(',')
    const answer = await preflight('/v1/auth/login', 'POST', { 'access-control-request-headers': huge })
    assert.equal(answer.status, 204)
    assert.ok(JSON.stringify(answer.headers).length < 1_000)
    for (const value of Object.values(answer.headers)) assert.notEqual(value, '*')
    const tooLong = await preflight('/v1/auth/login', 'POST', { 'access-control-request-headers': huge.repeat(8) })
    assert.equal(tooLong.status, 431)
  })

  it("gets no CORS headers of ours for the host's paths and methods", async () => {
    const options = (path: string, headers: Record<string, string>) => app.client().send('OPTIONS', path, { headers })
    const origin = new URL(app.url).origin
    for (const answer of [
      await preflight('/v1/auth/other', 'POST'),
      await preflight('/v1/auth/login/', 'POST'),
      await preflight('/v1/auth/LOGIN', 'POST'),
      await preflight('/v1/auth/login', 'PUT'),
      await preflight('/v1/auth/login', 'GET'),
      await preflight('/v1/auth/login', 'post'),
      await preflight('/v1/auth/login', ''),
      await preflight(`${origin}/guarded`, 'GET'),
      await preflight(`${origin}/v1/auth/login`, 'POST'),
      await options('/v1/auth/login', {}),
      await options('/v1/auth/login', { origin: page }),
      await options('/v1/auth/login', { 'access-control-request-method': 'POST' }),
    ]) {
      assert.deepEqual([answer.status, answer.body, corsHeadersOf(answer)], [404, { host: 'OPTIONS' }, []])
    }
    const guarded = await client.get(`${origin}/guarded`, { headers: { origin: page } })
    assert.deepEqual([guarded.status, corsHeadersOf(guarded)], [200, []])
  })
})

describe("CORS beside the host's middleware", () => {
  let app: TestApp
  let lenient = true
  before(async () => {
    app = await startApp({
      allowedOrigins: (origin) => {
        if (origin === 'https://fails.example') throw new Error('the list is gone')
        return origin === page
      },
      before(host) {
        // Like `cors({ origin: true, credentials: true })` and a compression middleware.
        host.use((request, response, next) => {
          response.vary('Accept-Encoding')
          if (lenient && request.headers.origin !== undefined) {
            response.setHeader('Access-Control-Allow-Origin', request.headers.origin)
            response.setHeader('Access-Control-Allow-Credentials', 'true')
            response.vary('Origin')
          }
          next()
        })
      },
    })
  })
  after(() => app.close())

  it('sends its headers once and decides by its own list', async () => {
    const { client } = await newPerson(app)
    const own = await raw(client, '/v1/auth/session', page)
    assert.deepEqual(own['access-control-allow-origin'], [page])
    assert.deepEqual(own['access-control-allow-credentials'], ['true'])
    assert.deepEqual(own.vary, ['Accept-Encoding, Origin'])
    const evil = await raw(client, '/v1/auth/session', 'https://evil.example')
    assert.equal(evil['access-control-allow-origin'], undefined)
    assert.equal(evil['access-control-allow-credentials'], undefined)
    lenient = false
    assert.deepEqual((await raw(client, '/v1/auth/session', page)).vary, ['Accept-Encoding, Origin'])
  })

  it('allows nothing if the list fails', async () => {
    const { client } = await newPerson(app)
    const headers = { origin: 'https://fails.example', 'access-control-request-method': 'GET' }
    for (const method of ['GET', 'OPTIONS']) {
      const answer = await client.send(method, '/v1/auth/session', { headers })
      assert.deepEqual([answer.status, corsHeadersOf(answer)], [500, []], method)
    }
  })

  /** Every header with all of its values, which Node would otherwise join. */
  function raw(client: Client, path: string, origin: string): Promise<Record<string, string[] | undefined>> {
    return new Promise((resolve, reject) => {
      httpRequest(`${app.url}${path}`, { headers: { origin, cookie: client.cookieHeader(path) } }, (incoming) => {
        incoming.resume()
        resolve(incoming.headersDistinct)
      })
        .on('error', reject)
        .end()
    })
  }
})

/** A server that accepts longer headers than Node does by default, like some gateways. */
describe('a preflight of 60 KB', () => {
  it('is answered like any other', async () => {
    const app = await startApp({ allowedOrigins: [page] })
    const server = createServer({ maxHeaderSize: 128 * 1024 }, (request, response) => {
      app.identsphere.router()(request, response, () => response.writeHead(404).end())
    })
    await new Promise<void>((resolve) => server.listen(0, 'localhost', () => resolve()))
    try {
      const client = new Client(`http://localhost:${(server.address() as AddressInfo).port}`)
      const headers = {
        origin: page,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'x-a,'.repeat(15 * 1024),
      }
      const answer = await client.send('OPTIONS', '/v1/auth/login', { headers })
      assert.equal(answer.status, 204)
      assert.ok(JSON.stringify(answer.headers).length < 1_000)
    } finally {
      server.closeAllConnections()
      server.close()
      await app.close()
    }
  })
})
