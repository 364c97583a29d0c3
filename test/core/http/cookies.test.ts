import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { systemClock } from '../../../lib/core/config/clock.js'
import { ConfigurationError } from '../../../lib/core/config/configuration-error.js'
import type { IdentSphereOptions } from '../../../lib/features.js'
import { buildIdentSphere } from '../../../lib/identsphere.js'
import { password, startApp, type TestApp } from '../../support/app.js'
import type { Answer, Client } from '../../support/client.js'
import { anotherBrowser, newPerson } from '../../support/people.js'
import { clearedCookies, cookieHeader, type SetCookie, setCookies } from '../../support/set-cookie.js'

const { privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
})

/** Settings of a production service behind a TLS proxy. */
const production = { development: false, signingKeys: [{ privateKey }] } satisfies IdentSphereOptions

const longestDays = 400

function byName(answer: Answer): Record<string, SetCookie> {
  const cookies = setCookies(answer)
  const names = cookies.map((cookie) => cookie.name)
  assert.equal(new Set(names).size, names.length, 'a cookie is set twice')
  return Object.fromEntries(cookies.map((cookie) => [cookie.name, cookie]))
}

async function register(client: Client, email: string): Promise<Answer> {
  const answer = await client.post('/v1/auth/register', { email, password, organization_name: 'Cookies' })
  assert.equal(answer.status, 201, answer.text)
  return answer
}

/** Name → path, HttpOnly, longest Max-Age (seconds). */
type Expected = Record<string, [string, boolean, number]>

function assertCookies(answer: Answer, expected: Expected, secure: boolean): void {
  const cookies = byName(answer)
  assert.deepEqual(Object.keys(cookies).sort(), Object.keys(expected).sort())
  for (const [name, [path, httpOnly, maxAge]] of Object.entries(expected)) {
    const { attributes, line } = cookies[name] as SetCookie
    const { 'max-age': lives, ...others } = attributes
    // Whole seconds that remain of the session, so a little less than its lifetime.
    assert.ok(Number(lives) <= maxAge && Number(lives) >= maxAge - 300, line)
    assert.deepEqual(
      others,
      {
        path,
        ...(httpOnly ? { httponly: true } : {}),
        ...(secure ? { secure: true } : {}),
        samesite: 'Lax',
      },
      line,
    )
    assert.ok(Buffer.byteLength(line) < 4096)
    assert.ok(Number(lives) <= longestDays * 86_400)
  }
}

const life = { access: 900, session: 30 * 86_400, device: 365 * 86_400 }

describe('the cookies of a session', () => {
  it('have exactly these attributes and follow the mount path', async () => {
    for (const mount of ['', '/a/b']) {
      const app = await startApp({ mount })
      try {
        const client = app.client()
        const answer = await register(client, 'cookies@example.com')
        const session: Expected = {
          identsphere_at: ['/', true, life.access],
          identsphere_rt: [`${mount}/v1/auth`, true, life.session],
          identsphere_csrf: ['/', false, life.session],
        }
        assertCookies(answer, { ...session, identsphere_device: [`${mount}/v1/auth`, true, life.device] }, false)

        assert.equal((await client.get('/v1/auth/session')).status, 200)
        assertCookies(await client.post('/v1/auth/refresh'), session, false)
        const { identsphere_rt: _, ...stepUp } = session
        assertCookies(await client.post('/v1/auth/reauthenticate', { password }), stepUp, false)
        const out = await client.post('/v1/auth/logout')
        assertCookies(
          out,
          {
            identsphere_at: ['/', true, 0],
            identsphere_rt: [`${mount}/v1/auth`, true, 0],
            identsphere_csrf: ['/', false, 0],
          },
          false,
        )
        for (const cookie of setCookies(out)) assert.equal(cookie.value, '')
      } finally {
        await app.close()
      }
    }
  })

  it('take their path from the public address if a proxy strips the prefix', async () => {
    const app = await startApp({ ...production, publicBaseUrl: 'https://app.example.com/identity/' })
    try {
      const cookies = byName(await register(app.client(), 'stripped@example.com'))
      assert.equal(cookies.identsphere_rt?.attributes.path, '/identity/v1/auth')
      assert.equal(cookies.identsphere_at?.attributes.path, '/')
    } finally {
      await app.close()
    }
  })

  it('never name a domain, whatever the Host header says', async () => {
    const app = await startApp()
    try {
      const client = app.client({ host: 'evil.example', 'x-forwarded-host': 'evil.example' })
      const answer = await register(client, 'host@example.com')
      for (const { attributes, line } of setCookies(answer)) {
        assert.equal('domain' in attributes, false, line)
        assert.equal(line.includes('evil'), false)
      }
    } finally {
      await app.close()
    }
  })

  /** @see express-session #48, node-oidc-provider #152 */
  it('stay Secure behind a TLS proxy, whatever the host trusts', async () => {
    for (const trust of [undefined, true, 'loopback']) {
      const app = await startApp({
        ...production,
        mount: '',
        publicBaseUrl: 'https://app.example.com',
        before(host) {
          if (trust !== undefined) host.set('trust proxy', trust)
        },
      })
      try {
        const { email } = await newPerson(app)
        for (const proto of ['https', 'http', undefined]) {
          const client = app.client(proto === undefined ? {} : { 'x-forwarded-proto': proto })
          const answers = [
            await client.post('/v1/auth/login', { email, password }),
            await client.post('/v1/auth/refresh'),
            await client.get('/v1/auth/resume?return_to=/x'),
            await client.post('/v1/auth/logout'),
          ]
          for (const answer of answers) {
            assert.ok(answer.status < 400, answer.text)
            assert.ok(setCookies(answer).length >= 3)
            for (const { attributes, line } of setCookies(answer)) assert.equal(attributes.secure, true, line)
          }
          assert.equal(answers[2]?.headers.location, 'https://app.example.com/x')
        }
      } finally {
        await app.close()
      }
    }
  })

  it('cannot be made insecure in production', () => {
    const build = (options: IdentSphereOptions, NODE_ENV: string | undefined) => () =>
      buildIdentSphere(
        { database: 'postgres://localhost/none', signingKeys: [{ privateKey }], ...options },
        { environment: { NODE_ENV, IDENTSPHERE_JWT_SECRET: 'k1-Zp0-9sUv4xQw7yRt3mNb6cLd8fGh2jA' }, clock: systemClock },
      )
    const names = (setting: string) => (error: unknown) =>
      error instanceof ConfigurationError && error.setting === setting
    for (const environment of ['production', undefined, 'staging', 'Test', 'TEST ']) {
      const insecure = build({ publicBaseUrl: 'https://app.example.com', cookies: { secure: false } }, environment)
      assert.throws(insecure, names('cookies.secure'), environment)
      assert.throws(
        build({ publicBaseUrl: 'http://app.example.com' }, environment),
        names('publicBaseUrl'),
        environment,
      )
      assert.throws(build({ publicBaseUrl: 'http://localhost:3000' }, environment), names('publicBaseUrl'), environment)
    }
    // Development applies to local addresses only. For others the setting has no effect.
    const elsewhere = { publicBaseUrl: 'https://app.example.com', development: true, cookies: { secure: false } }
    assert.throws(build(elsewhere, 'development'), names('cookies.secure'))
    const plain = { publicBaseUrl: 'http://localhost:3000', cookies: { prefix: true } }
    assert.throws(build(plain, 'test'), names('cookies.prefix'))
  })

  /** @see RFC 6265bis sections 5.5 and 5.6: 400 days, 4096 bytes */
  it('stay within the lifetime and size that browsers accept', async () => {
    const app = await startApp({
      refreshTokenSeconds: longestDays * 86_400,
      tokens: { accessTokenClaims: ({ email }) => ({ note: 'x'.repeat(email.startsWith('large') ? 4000 : 1500) }) },
    })
    try {
      const answer = await register(app.client(), `${'x'.repeat(64)}@${'y'.repeat(60)}.example.com`)
      for (const { attributes, line } of setCookies(answer)) {
        assert.ok(Buffer.byteLength(line) < 4096, String(Buffer.byteLength(line)))
        assert.ok(Number(attributes['max-age']) <= longestDays * 86_400, line)
      }
      // A cookie that browsers would drop is a visible failure, not half a session.
      const large = await app
        .client()
        .post('/v1/auth/register', { email: 'large@example.com', password, organization_name: 'Large' })
      assert.equal(large.status, 500)
      assert.equal(large.headers['set-cookie'], undefined)
      assert.equal(large.text.includes('xxxx'), false)
    } finally {
      await app.close()
    }
  })
})

describe('prefixed cookies', () => {
  let app: TestApp
  let answer: Answer
  before(async () => {
    app = await startApp({
      ...production,
      publicBaseUrl: 'https://app.example.com/identity',
      mount: '/identity',
      cookies: { prefix: true },
    })
    answer = await register(app.client(), 'prefixed@example.com')
  })
  after(() => app.close())

  /** @see RFC 6265bis section 4.1.3 */
  it('use __Host- at the path /, and __Secure- elsewhere', async () => {
    assertCookies(
      answer,
      {
        '__Host-identsphere_at': ['/', true, life.access],
        '__Host-identsphere_csrf': ['/', false, life.session],
        '__Secure-identsphere_rt': ['/identity/v1/auth', true, life.session],
        '__Secure-identsphere_device': ['/identity/v1/auth', true, life.device],
      },
      true,
    )
    const cookie = cookieHeader(answer)
    const csrf = byName(answer)['__Host-identsphere_csrf']?.value
    const session = await app.client().get('/v1/auth/session', { headers: { cookie } })
    assert.equal(session.status, 200)
    const refreshed = await app
      .client()
      .post('/v1/auth/refresh', {}, { headers: { cookie, 'x-identsphere-csrf': csrf } })
    assert.equal(refreshed.status, 200, refreshed.text)
    const renewed = { cookie: cookieHeader(refreshed), 'x-identsphere-csrf': csrf }
    const out = await app.client().post('/v1/auth/logout', {}, { headers: renewed })
    assert.deepEqual(clearedCookies(out), [
      '__Host-identsphere_at',
      '__Host-identsphere_csrf',
      '__Secure-identsphere_rt',
    ])
    for (const { attributes, line } of setCookies(out)) assert.equal(attributes.secure, true, line)
  })

  it('are the only ones accepted, since subdomains can plant others', async () => {
    const login = await app.client().post('/v1/auth/login', { email: 'prefixed@example.com', password })
    const plain = cookieHeader(login).replaceAll(/__(Host|Secure)-/g, '')
    const csrf = byName(login)['__Host-identsphere_csrf']?.value
    const stripped = { cookie: plain, 'x-identsphere-csrf': csrf }
    assert.equal((await app.client().get('/v1/auth/session', { headers: stripped })).status, 401)
    assert.equal((await app.client().post('/v1/auth/refresh', {}, { headers: stripped })).status, 401)
    for (const wrong of ['__Secure-identsphere_at', '__host-identsphere_at', 'x__Host-identsphere_at']) {
      const cookie = cookieHeader(login).replace('__Host-identsphere_at', wrong)
      assert.equal((await app.client().get('/v1/auth/session', { headers: { cookie } })).status, 401, wrong)
    }
    const beside = { cookie: `identsphere_at=planted; ${cookieHeader(login)}; identsphere_at=twice` }
    assert.equal((await app.client().get('/v1/auth/session', { headers: beside })).status, 200)
  })
})

describe('two cookies with the same name', () => {
  let app: TestApp
  let client: Client
  let at: string
  let rt: string
  let csrf: string
  before(async () => {
    app = await startApp({
      routes(host, { requireAuth, optionalAuth, authOrNull }) {
        host.get('/guarded', requireAuth(), (_request, response) => void response.json({}))
        host.get('/page', requireAuth({ onDenied: 'redirect' }), (_request, response) => void response.send('page'))
        host.get('/anyone', optionalAuth(), (request, response) => {
          response.json({ signed_in: authOrNull(request) !== null })
        })
      },
    })
    const { email } = await newPerson(app)
    client = await anotherBrowser(app, email)
    ;[at, rt, csrf] = ['at', 'rt', 'csrf'].map((name) => client.cookie(name) ?? '') as [string, string, string]
  })
  after(() => app.close())

  const get = (path: string, cookie: string | string[], headers = {}) =>
    app.client().get(path, { headers: { cookie, ...headers } })

  /** @see SuperTokens 17.1.0, better-auth #9806 */
  it('count as none if they differ, in any order, and are cleared', async () => {
    for (const cookie of [
      `identsphere_at=${at}; identsphere_at=planted`,
      `identsphere_at=planted; identsphere_at=${at}`,
      `identsphere_at=${at}; other=1; identsphere_at=`,
      `identsphere_at=${at};identsphere_at=planted`,
      `identsphere_at =planted; identsphere_at=${at}`,
      `identsphere_at=${at}; identsphere_at\t= planted`,
      `identsphere_at=${at}; identsphere_at=j:{}`,
    ]) {
      for (const path of ['/guarded', '/v1/auth/session']) {
        const answer = await get(path, cookie)
        assert.equal(answer.status, 401, cookie)
        assert.deepEqual(clearedCookies(answer), ['identsphere_at'], cookie)
      }
      assert.deepEqual((await get('/anyone', cookie)).body, { signed_in: false })
    }
    const twoHeaders = await get('/guarded', [`identsphere_at=${at}`, 'identsphere_at=planted'])
    assert.equal(twoHeaders.status, 401)
  })

  it('refresh nothing if they differ, and keep the token valid', async () => {
    const answer = await app.client().post(
      '/v1/auth/refresh',
      {},
      {
        headers: {
          cookie: `identsphere_rt=${rt}; identsphere_rt=${'A'.repeat(43)}`,
          'x-identsphere-csrf': csrf,
        },
      },
    )
    assert.equal(answer.status, 401)
    assert.deepEqual(clearedCookies(answer), ['identsphere_rt'])
    assert.equal((await client.post('/v1/auth/refresh')).status, 200)
    rt = client.cookie('rt') ?? ''
  })

  it('count as one if they agree', async () => {
    assert.equal((await get('/guarded', `identsphere_at=${at}; identsphere_at=${at}`)).status, 200)
  })

  it('lead to the sign-in page instead of a redirect loop', async () => {
    const planted = `identsphere_at=planted; identsphere_at=${at}`
    const page = await get('/page', planted, { accept: 'text/html' })
    assert.equal(page.status, 303)
    const resume = await get(`${app.origin}${page.headers.location}`, `${planted}; identsphere_rt=${rt}`, {
      accept: 'text/html',
    })
    assert.equal(resume.status, 303)
    const target = new URL(resume.headers.location ?? '')
    assert.equal(target.pathname, '/')
    assert.deepEqual(clearedCookies(resume), ['identsphere_at', 'identsphere_csrf', 'identsphere_rt'])
  })

  it('are not confused with longer names', async () => {
    const cookie = `xidentsphere_at=1; identsphere_at=${at}; identsphere_at2=3; other=identsphere_at=4`
    assert.equal((await get('/guarded', cookie)).status, 200)
  })
})

describe('a malformed cookie', () => {
  let app: TestApp
  before(async () => {
    app = await startApp()
  })
  after(() => app.close())

  it('is treated as no credential and causes no failure', async () => {
    const { client } = await newPerson(app)
    const at = client.cookie('at') ?? ''
    const values = [
      'j:{}',
      'j:[]',
      `j:["${at}"]`,
      'j:{"length":43,"toString":"x"}',
      'j:{"__proto__":{"x":1}}',
      'j:null',
      'j:1',
      'j:true',
      'j:{',
      `s:${at}.x`,
      '%',
      '%E0%A4%A',
      '%00',
      '"',
      '""',
      '',
      ' ',
      'a'.repeat(5000),
      `${at}x`,
      `${at}=`,
      encodeURIComponent('j:{"a":1}'),
    ]
    for (const value of values) {
      for (const name of ['at', 'rt', 'device', 'csrf']) {
        const cookie = `identsphere_${name}=${value}`
        const session = await app.client().get('/v1/auth/session', { headers: { cookie } })
        assert.equal(session.status, 401, cookie)
        const refresh = await app.client().post('/v1/auth/refresh', {}, { headers: { cookie } })
        assert.equal(refresh.status, 401, cookie)
        assert.equal((await app.client().post('/v1/auth/logout', {}, { headers: { cookie } })).status, 204, cookie)
        const resume = await app.client().get('/v1/auth/resume', { headers: { cookie } })
        assert.equal(resume.status, 303, cookie)
      }
    }
    assert.equal((await client.get('/v1/auth/session')).status, 200)
  })
})
