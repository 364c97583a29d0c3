import assert from 'node:assert/strict'
import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { runInNewContext } from 'node:vm'
import type { ErrorRequestHandler, RequestHandler } from 'express'
import type { Auth } from '../../../lib/core/auth.js'
import { IdentSphereError } from '../../../lib/core/errors.js'
import type { HeadersLike, IdentitySource } from '../../../lib/core/http/identity-source.js'
import { password, type signUp, startApp, type TestApp } from '../../support/app.js'
import type { Client } from '../../support/client.js'
import { anotherBrowser, newPerson } from '../../support/people.js'

const cookieOf = (client: Client) => `identsphere_at=${client.cookie('at')}`
const denied = (code: string) => (error: unknown) => error instanceof IdentSphereError && error.code === code

function message(method: string, headers: Record<string, string>): IncomingMessage {
  return Object.assign(new IncomingMessage(new Socket()), { method, headers, url: '/' })
}

async function bearerOf(app: TestApp, email: string): Promise<string> {
  const { body } = await app.client().post('/v1/auth/login', { email, password, token_delivery: 'body' })
  return `Bearer ${body.access_token}`
}

/** Origins that resemble an own one, for which `{own}` stands. */
const foreignOrigins = [
  'https://evil.example',
  'null',
  '',
  '{own}/',
  '{own}.',
  '{own}.evil.example',
  '{own}, {own}',
  '{own}, https://evil.example',
  'https://evil.example, {own}',
  '{own}@evil.example',
  ' {own}',
  '{OWN}',
  'http://user@localhost',
  'http://localhost',
  'https://localhost',
  'http://localhost:1',
  'http://localhost.:80',
  'http://127.0.0.1',
  'http://[::1]',
  'file://',
  'ws://localhost',
]

describe('a request that becomes a WebSocket', () => {
  let app: TestApp
  let client: Client
  let email: string
  before(async () => {
    app = await startApp({ allowedOrigins: ['https://app.example.com'] })
    ;({ client, email } = await newPerson(app))
  })
  after(() => app.close())

  const authenticate = (headers: Record<string, string>) => [
    app.identsphere.authenticate(message('GET', headers)),
    app.identsphere.authenticate(new Headers(headers), { method: 'GET' }),
    app.identsphere.authenticate({ method: 'GET', headers: new Headers(headers) }),
  ]

  /** @see CWE-1385, cross-site WebSocket hijacking */
  it('is rejected with cookies from a foreign origin or without an Origin', async () => {
    const own = new URL(app.url).origin
    for (const upgrade of ['websocket', 'WebSocket', 'x', '']) {
      const cookie = cookieOf(client)
      for (const answer of authenticate({ cookie, upgrade })) await assert.rejects(answer, denied('csrf_failed'))
      for (const template of foreignOrigins) {
        const origin = template.replaceAll('{own}', own).replaceAll('{OWN}', own.toUpperCase())
        // `Headers` have already removed spaces at both ends (RFC 9110 section 5.5).
        for (const answer of authenticate({ cookie, upgrade, origin }).slice(0, origin === origin.trim() ? 3 : 1)) {
          await assert.rejects(answer, denied('csrf_failed'), JSON.stringify([upgrade, origin]))
        }
      }
    }
  })

  it('is accepted with cookies from an own origin', async () => {
    for (const origin of [new URL(app.url).origin, 'https://app.example.com']) {
      for (const answer of authenticate({ cookie: cookieOf(client), upgrade: 'websocket', origin })) {
        assert.equal((await answer)?.email, email)
      }
    }
  })

  it('needs no Origin with a bearer token, and yields null without a credential', async () => {
    const authorization = await bearerOf(app, email)
    for (const headers of [{ authorization }, { authorization, origin: 'https://evil.example' }]) {
      for (const answer of authenticate({ ...headers, upgrade: 'websocket' }))
        assert.equal((await answer)?.email, email)
    }
    for (const answer of authenticate({ upgrade: 'websocket' })) assert.equal(await answer, null)
  })

  it('also needs the CSRF token if its method is unsafe', async () => {
    const headers = { cookie: cookieOf(client), upgrade: 'websocket', origin: new URL(app.url).origin }
    await assert.rejects(app.identsphere.authenticate(message('POST', headers)), denied('csrf_failed'))
    const proven = { ...headers, 'x-identsphere-csrf': client.cookie('csrf') as string }
    assert.ok(await app.identsphere.authenticate(message('POST', proven)))
    const { origin: _, ...withoutOrigin } = proven
    await assert.rejects(app.identsphere.authenticate(message('POST', withoutOrigin)), denied('csrf_failed'))
  })

  it('has the same rule under { origin: "own" }, even after a guard', async () => {
    const cookie = cookieOf(client)
    const authorization = await bearerOf(app, email)
    const own = { origin: 'own' } as const
    for (const headers of [{ cookie }, { cookie, origin: 'https://evil.example' }]) {
      const request = message('GET', headers as Record<string, string>)
      assert.ok(await app.identsphere.authenticate(request))
      await assert.rejects(app.identsphere.authenticate(request, own), denied('csrf_failed'))
      const fetched = new Headers(headers as Record<string, string>)
      await assert.rejects(app.identsphere.authenticate(fetched, { ...own, method: 'GET' }), denied('csrf_failed'))
    }
    assert.ok(await app.identsphere.authenticate(message('GET', { cookie, origin: 'https://app.example.com' }), own))
    assert.ok(await app.identsphere.authenticate(message('GET', { authorization }), own))
    assert.equal(await app.identsphere.authenticate(message('GET', {}), own), null)
  })

  it('rejects an unknown option', async () => {
    const headers = new Headers({ cookie: cookieOf(client) })
    for (const options of [{ Origin: 'own' }, { origin: 'any' }, { origin: true }, { methods: 'GET' }]) {
      await assert.rejects(app.identsphere.authenticate(headers, options as never), TypeError)
    }
  })

  it('passes single well-formed origins to the allowedOrigins function', async () => {
    const asked: string[] = []
    const node = await app.node({
      publicBaseUrl: app.url,
      allowedOrigins(origin) {
        asked.push(origin)
        return origin.endsWith('example.com')
      },
    })
    const open = (origin: string) =>
      node.identsphere.authenticate(message('GET', { cookie: cookieOf(client), upgrade: 'websocket', origin }))
    for (const origin of [
      'https://evil.example, https://app.example.com',
      'https://evil.example/https://app.example.com',
      'https://evil.example#example.com',
      'https://evil.example?example.com',
      'https://evil.example\\example.com',
      'https://evil@app.example.com',
      'https://APP.example.com',
      'null',
      '',
      'example.com',
    ]) {
      await assert.rejects(open(origin), denied('csrf_failed'), origin)
    }
    assert.deepEqual(asked, [])
    assert.ok(await open('https://app.example.com'))
    assert.ok(await open('http://app.example.com'))
    assert.ok(await open('capacitor://example.com'))
    await assert.rejects(open('https://evil.example'), denied('csrf_failed'))
  })
})

describe('the source of credentials', () => {
  let app: TestApp
  let client: Client
  let email: string
  before(async () => {
    app = await startApp()
    ;({ client, email } = await newPerson(app))
  })
  after(() => app.close())

  /** Mimics what `headers()` returns in Next.js: fetch's `Headers`, with a field `headers` that holds Node's. */
  class HeadersAdapter {
    readonly headers: Record<string, string>
    constructor(headers: Record<string, string>) {
      this.headers = headers
    }
    get(name: string): string | null {
      return this.headers[name.toLowerCase()] ?? null
    }
  }

  /** `Headers` and `Request` of another realm, for which `instanceof` fails here. */
  const foreign = runInNewContext(`({
    Headers: class Headers {
      #headers
      constructor(headers) { this.#headers = headers }
      get(name) { return this.#headers[name.toLowerCase()] ?? null }
    },
    sealed: (headers) => new Proxy(headers, {
      get(target, name) {
        const value = Reflect.get(target, name)
        return typeof value === 'function' ? value.bind(target) : value
      },
    }),
  })`) as { Headers: new (headers: object) => HeadersLike; sealed(headers: HeadersLike): HeadersLike }

  const asHeaders: Record<string, (headers: Record<string, string>) => HeadersLike> = {
    'Headers of this realm': (headers) => new Headers(headers),
    'a subclass of Headers': (headers) => new (class extends Headers {})(headers),
    'Headers of another realm': (headers) => new foreign.Headers(headers),
    'Headers with a field named headers': (headers) => new HeadersAdapter(headers),
    'a read-only proxy of Headers': (headers) => foreign.sealed(new HeadersAdapter(headers)),
  }

  for (const [what, make] of Object.entries(asHeaders)) {
    it(`may be ${what}, with the method beside it`, async () => {
      const csrf = client.cookie('csrf') as string
      const cookie = cookieOf(client)
      assert.equal((await app.identsphere.authenticate(make({ cookie }), { method: 'GET' }))?.email, email)
      await assert.rejects(app.identsphere.authenticate(make({ cookie })), denied('csrf_failed'))
      await assert.rejects(app.identsphere.authenticate(make({ cookie }), { method: 'POST' }), denied('csrf_failed'))
      const proven = make({ cookie, 'x-identsphere-csrf': csrf })
      assert.equal((await app.identsphere.authenticate(proven, { method: 'POST' }))?.email, email)
      const upgrading = make({ cookie, upgrade: 'websocket' })
      await assert.rejects(app.identsphere.authenticate(upgrading, { method: 'GET' }), denied('csrf_failed'))
      assert.equal(await app.identsphere.authenticate(make({}), { method: 'GET' }), null)
    })

    it(`may be a Request with ${what}, which has its own method`, async () => {
      const cookie = cookieOf(client)
      assert.equal((await app.identsphere.authenticate({ method: 'GET', headers: make({ cookie }) }))?.email, email)
      for (const method of ['POST', 'patch']) {
        const request = { method, headers: make({ cookie }) }
        await assert.rejects(app.identsphere.authenticate(request), denied('csrf_failed'))
        await assert.rejects(app.identsphere.authenticate(request, { method: 'GET' }), denied('csrf_failed'))
      }
    })
  }

  it('may be a Request of fetch', async () => {
    const headers = { cookie: cookieOf(client) }
    assert.ok(await app.identsphere.authenticate(new Request('http://localhost/x', { headers })))
    const post = new Request('http://localhost/x', { headers, method: 'POST', body: '_csrf=x' })
    await assert.rejects(app.identsphere.authenticate(post), denied('csrf_failed'))
  })

  it('may be nothing else', async () => {
    for (const source of [undefined, null, 'cookie', 1, {}, [], { headers: null }, { get: 'x' }, { method: 'GET' }]) {
      await assert.rejects(app.identsphere.authenticate(source as unknown as IdentitySource), TypeError)
    }
    const likeMap = new Map([['cookie', cookieOf(client)]]) as unknown as IdentitySource
    assert.equal((await app.identsphere.authenticate(likeMap, { method: 'GET' }))?.email, email)
  })

  it('ignores headers named like a method of Headers', async () => {
    const request = message('POST', { cookie: cookieOf(client), get: 'x', method: 'GET' })
    await assert.rejects(app.identsphere.authenticate(request), denied('csrf_failed'))
  })
})

describe('recheck()', () => {
  let app: TestApp
  before(async () => {
    app = await startApp({ sessionIdleSeconds: 600 })
  })
  after(() => app.close())

  async function established(client: Client): Promise<Auth> {
    const auth = await app.identsphere.authenticate(new Headers({ cookie: cookieOf(client) }), { method: 'GET' })
    assert.ok(auth)
    return auth
  }

  it('returns the same result as long as nothing changes', async () => {
    const { client, email } = await newPerson(app)
    const authorization = await bearerOf(app, email)
    const native = await app.identsphere.authenticate(new Headers({ authorization }))
    assert.ok(native)
    for (const auth of [await established(client), native]) {
      let last: Auth = auth
      for (let round = 0; round < 3; round += 1) {
        const now: Auth | null = await app.identsphere.recheck(last)
        assert.ok(now)
        last = now
        const { checkedAt, ...rest } = now
        const { checkedAt: _, ...expected } = auth
        assert.deepEqual(rest, expected)
        assert.ok(checkedAt >= auth.checkedAt)
        assert.ok(Object.isFrozen(now))
      }
    }
  })

  it('outlives the access token, but not the session', async () => {
    const { client } = await newPerson(app)
    const auth = await established(client)
    app.clock.advance(500)
    assert.ok(await app.identsphere.recheck(auth))
    app.clock.advance(500)
    assert.equal(await app.identsphere.recheck(auth), null, 'a recheck does not count as use of the session')
    await client.post('/v1/auth/refresh')
  })

  const endings: Record<string, (person: Awaited<ReturnType<typeof signUp>>) => Promise<unknown>> = {
    'was signed out': ({ client }) => client.post('/v1/auth/logout'),
    'was revoked from another browser': async ({ email, sessionId }) =>
      (await anotherBrowser(app, email)).delete(`/v1/users/me/sessions/${sessionId}`),
    'was ended by a password change in another browser': async ({ email }) =>
      (await anotherBrowser(app, email)).post('/v1/users/me/password', {
        current_password: password,
        new_password: 'four-lone-heron-wades-9',
      }),
    'belongs to a disabled user': ({ userId }) =>
      app.sql("UPDATE identsphere.users SET status = 'disabled' WHERE id = $1", [userId]),
    'acts in another organization': async ({ sessionId }) => {
      const other = await newPerson(app)
      await app.sql('UPDATE identsphere.user_sessions SET organization_id = $1 WHERE id = $2', [
        other.organizationId,
        sessionId,
      ])
    },
    'has no organization anymore': ({ organizationId }) =>
      app.sql('UPDATE identsphere.organizations SET deleted_at = now() WHERE id = $1', [organizationId]),
    'has an epoch before that of the token': ({ sessionId }) =>
      app.sql('UPDATE identsphere.user_sessions SET epoch = -1 WHERE id = $1', [sessionId]),
    'is gone': ({ sessionId }) => app.sql('DELETE FROM identsphere.user_sessions WHERE id = $1', [sessionId]),
  }
  for (const [what, end] of Object.entries(endings)) {
    it(`returns null once the session ${what}`, async () => {
      const person = await newPerson(app)
      const auth = await established(person.client)
      assert.ok(await app.identsphere.recheck(auth))
      await end(person)
      assert.equal(await app.identsphere.recheck(auth), null)
    })
  }

  it('reads role and permissions again; no membership means no role', async () => {
    const { client, userId } = await newPerson(app)
    const auth = await established(client)
    await app.sql("UPDATE identsphere.organization_memberships SET role = 'viewer' WHERE user_id = $1", [userId])
    const demoted = await app.identsphere.recheck(auth)
    assert.equal(demoted?.role, 'viewer')
    assert.deepEqual(demoted?.permissions, ['organization:read'])
    await app.sql('DELETE FROM identsphere.organization_memberships WHERE user_id = $1', [userId])
    const removed = await app.identsphere.recheck(auth)
    assert.deepEqual([removed?.role, removed?.organizationId, removed?.permissions], [null, null, []])
    assert.equal(auth.role, 'owner', 'the earlier result does not change')
  })

  it('omits the times of a step-up newer than its token', async () => {
    const { client, sessionId } = await newPerson(app)
    const auth = await established(client)
    assert.ok(auth.authTime)
    await client.post('/v1/auth/reauthenticate', { password })
    const older = await app.identsphere.recheck(auth)
    assert.equal(older?.sessionId, sessionId)
    assert.equal(older?.authTime, null)
    const newer = await app.identsphere.recheck(await established(client))
    assert.ok(newer?.authTime)
  })

  it('returns null once the key of its token is revoked', async () => {
    const { client } = await newPerson(app)
    const auth = await established(client)
    const [header = ''] = (client.cookie('at') as string).split('.')
    const { kid } = JSON.parse(Buffer.from(header, 'base64url').toString())
    await app.identsphere.revokeSigningKey(kid)
    assert.equal(await app.identsphere.recheck(auth), null)
    await app.sql('DELETE FROM identsphere.signing_keys')
  })

  it('accepts only results of this instance', async () => {
    const { client } = await newPerson(app)
    const auth = await established(client)
    const other = await app.node({ publicBaseUrl: app.url })
    for (const foreign of [
      { ...auth },
      structuredClone(auth),
      JSON.parse(JSON.stringify(auth)),
      { ...auth, role: 'owner', sessionId: 'x' },
      null,
      undefined,
      'x',
      {},
    ]) {
      await assert.rejects(app.identsphere.recheck(foreign as Auth), TypeError)
    }
    await assert.rejects(other.identsphere.recheck(auth), TypeError)
  })

  it('hides its internal data from enumeration and from JSON', async () => {
    const { client } = await newPerson(app)
    const auth = await established(client)
    assert.deepEqual(Object.getOwnPropertySymbols({ ...auth }), [])
    assert.ok(!JSON.stringify(auth).includes(client.cookie('at') as string))
  })

  it('rejects if the database cannot answer', async () => {
    const { client } = await newPerson(app)
    const node = await app.node({ publicBaseUrl: app.url })
    const headers = new Headers({ cookie: cookieOf(client) })
    const auth = await node.identsphere.authenticate(headers, { method: 'GET' })
    assert.ok(auth)
    await node.identsphere.close()
    await assert.rejects(node.identsphere.recheck(auth), denied('service_unavailable'))
  })
})

describe('csrfToken()', () => {
  let app: TestApp
  before(async () => {
    app = await startApp({
      routes(host, { requireAuth, optionalAuth, csrfToken }) {
        const tell: RequestHandler = (request, response) => void response.json({ token: csrfToken(request) })
        host.all('/guarded', requireAuth(), tell)
        host.all('/optional', optionalAuth(), tell)
        host.all('/open', tell)
        host.use(((_error, _request, response, _next) => {
          response.status(500).json({})
        }) as ErrorRequestHandler)
      },
    })
  })
  after(() => app.close())

  it('returns the token of the session, which its forms may send', async () => {
    const { client } = await newPerson(app)
    const { token } = (await client.get('/guarded')).body
    assert.equal(token, client.cookie('csrf'))
    assert.equal((await client.post('/guarded', {}, { csrf: String(token) })).status, 200)
    assert.equal((await client.post('/guarded', {}, { csrf: false })).status, 403)
  })

  it('returns a token for bearers too, although none is required of them', async () => {
    const { email } = await newPerson(app)
    const native = app.client({ authorization: await bearerOf(app, email) })
    assert.match((await native.get('/guarded')).body.token, /^1\.[\w-]{43}$/)
    assert.equal((await native.post('/guarded')).status, 200)
  })

  it('throws without a guard or without a session', async () => {
    const { client } = await newPerson(app)
    assert.equal((await client.get('/open')).status, 500)
    assert.equal((await app.client().get('/optional')).status, 500)
    assert.equal((await client.get('/optional')).status, 200)
  })
})
