import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import express from 'express'
import { ConfigurationError } from '../../../lib/core/config/configuration-error.js'
import { IdentSphereError } from '../../../lib/core/errors.js'
import type { OnDenied } from '../../../lib/core/http/guard.js'
import type { Middleware } from '../../../lib/core/http/router.js'
import type { IdentSphere } from '../../../lib/identsphere.js'
import { buildIdentSphere } from '../../../lib/identsphere.js'
import { type signUp, startApp, type TestApp } from '../../support/app.js'
import { bareRequest, type Passage, passageOf } from '../../support/chain.js'
import { Client } from '../../support/client.js'
import { newPerson } from '../../support/people.js'

/** Every guard, with arguments that the owner of a new account satisfies except for the second factor. */
const guardsOf = (identsphere: IdentSphere, onDenied: OnDenied = 'json'): Record<string, Middleware> => ({
  requireAuth: identsphere.requireAuth({ onDenied }),
  requireRole: identsphere.requireRole('admin', { onDenied }),
  requirePermission: identsphere.requirePermission('members:read', { onDenied }),
  requireRecentAuth: identsphere.requireRecentAuth({ onDenied }),
  requireRecentMfa: identsphere.requireRecentMfa({ onDenied }),
  requirePlatformAdmin: identsphere.requirePlatformAdmin({ onDenied }),
})

async function listening(server: Server, work: (url: string) => Promise<void>): Promise<void> {
  await new Promise<void>((resolve) => server.listen(0, 'localhost', () => resolve()))
  try {
    await work(`http://localhost:${(server.address() as AddressInfo).port}`)
  } finally {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
}

/** The rejections that reached the process unhandled. */
async function uncaughtDuring(work: () => Promise<void>): Promise<unknown[]> {
  const uncaught: unknown[] = []
  const catching = (error: unknown) => void uncaught.push(error)
  process.on('unhandledRejection', catching)
  try {
    await work()
    await new Promise((resolve) => setImmediate(resolve))
  } finally {
    process.off('unhandledRejection', catching)
  }
  return uncaught
}

describe('guards', () => {
  let app: TestApp
  let owner: Awaited<ReturnType<typeof signUp>>
  before(async () => {
    app = await startApp()
    owner = await newPerson(app)
  })
  after(() => app.close())

  const signedIn = (method = 'GET') => bareRequest({ cookie: `identsphere_at=${owner.client.cookie('at')}` }, method)

  /** @see https://github.com/clerk/javascript/issues/8804 */
  it('ignore identities that other middleware left on the request', async () => {
    const forged = {
      user: { id: owner.userId, userId: owner.userId, role: 'owner', is_platform_admin: true },
      auth: { kind: 'session', userId: owner.userId, role: 'owner', isPlatformAdmin: true, mfaVerifiedAt: new Date() },
      session: { user: owner.userId, id: owner.sessionId, sid: owner.sessionId },
      identsphere: { kind: 'session', userId: owner.userId, role: 'owner', permissions: ['members:read'] },
      cookies: { identsphere_at: owner.client.cookie('at') },
      signedCookies: { identsphere_at: owner.client.cookie('at') },
      isAuthenticated: () => true,
    }
    for (const [name, guard] of Object.entries(guardsOf(app.identsphere))) {
      const request = Object.assign(bareRequest(), forged)
      const { passed, code } = await passageOf([guard], request)
      assert.deepEqual({ passed, code }, { passed: false, code: 'authentication_required' }, name)
    }
    const request = Object.assign(bareRequest(), forged)
    assert.equal((await passageOf([app.identsphere.optionalAuth()], request)).passed, true)
    assert.equal(app.identsphere.authOrNull(request), null)
  })

  it('leave the properties of other middleware alone', async () => {
    const user = { mine: true }
    const request = Object.assign(signedIn(), { user, auth: user, session: user })
    assert.equal((await passageOf([app.identsphere.requireAuth()], request)).passed, true)
    assert.equal(request.user, user)
    assert.equal(request.auth, user)
    assert.equal(request.session, user)
    assert.equal(app.identsphere.auth(request).userId, owner.userId)
    assert.equal(request.identsphere, app.identsphere.auth(request))
  })

  it('give handlers the identity; without a guard, reading it throws', async () => {
    const { identsphere } = app
    assert.throws(() => identsphere.auth(bareRequest()), /no guard found a signed-in user/)
    assert.throws(() => identsphere.authOrNull(bareRequest()), /no guard ran/)
    const planted = Object.assign(bareRequest(), { identsphere: { kind: 'session', userId: owner.userId } })
    assert.throws(() => identsphere.auth(planted as never), /no guard/)

    const anonymous = bareRequest()
    await passageOf([identsphere.optionalAuth()], anonymous)
    assert.equal(identsphere.authOrNull(anonymous), null)
    assert.throws(() => identsphere.auth(anonymous), /no guard found a signed-in user/)

    const denied = signedIn()
    assert.equal((await passageOf([identsphere.requirePlatformAdmin()], denied)).passed, false)
    assert.throws(() => identsphere.auth(denied), /no guard/)
  })

  it('let everyone pass if optional, except forged requests', async () => {
    const optional = app.identsphere.optionalAuth()
    const known = signedIn()
    assert.equal((await passageOf([optional], known)).passed, true)
    assert.equal(app.identsphere.authOrNull(known)?.userId, owner.userId)
    for (const headers of [{}, { cookie: 'identsphere_at=x' }, { authorization: 'Bearer x' }]) {
      const request = bareRequest(headers, 'POST')
      assert.equal((await passageOf([optional], request)).passed, true)
      assert.equal(app.identsphere.authOrNull(request), null)
    }
    const { passed, code } = await passageOf([optional], signedIn('POST'))
    assert.deepEqual({ passed, code }, { passed: false, code: 'csrf_failed' })
  })

  it('require a CSRF token if a method override makes a read a write', async () => {
    const { client } = await newPerson(app)
    const request = {
      method: 'GET',
      headers: { cookie: client.cookieHeader('/') },
      socket: {},
    } as unknown as IncomingMessage
    assert.notEqual(await app.identsphere.authenticate(request), null)
    request.method = 'DELETE'
    await assert.rejects(app.identsphere.authenticate(request), { code: 'csrf_failed' })
  })

  it('reject an unknown option at construction', () => {
    const misspelt = { maxAge: 60 } as never
    assert.throws(() => app.identsphere.requireRecentMfa(misspelt), /no option maxAge/)
    assert.throws(() => app.identsphere.requireAuth({ maxAgeSeconds: 60 } as never), /no option maxAgeSeconds/)
  })

  it('reject invalid rules at construction', () => {
    const { identsphere } = app as unknown as { identsphere: Record<string, (...names: unknown[]) => unknown> }
    for (const guard of ['requireRole', 'requirePermission'] as const) {
      for (const names of [
        [],
        [{}],
        [{ onDenied: 'json' }],
        [[]],
        [undefined],
        [null],
        [7],
        ['admin', 7],
        [['admin']],
      ]) {
        assert.throws(() => identsphere[guard]?.(...names), Error, `${guard}(${JSON.stringify(names)})`)
      }
    }
    for (const role of ['chief', 'Admin', 'OWNER', 'admin ', 'admin,member', '', '*', 'constructor', '__proto__']) {
      assert.throws(
        () => identsphere.requireRole?.(role),
        (error) =>
          error instanceof ConfigurationError &&
          error.message.includes(`requireRole('${role}')`) &&
          error.message.includes('owner, admin, billing, member, viewer'),
        role,
      )
    }
    for (const permission of ['reports:read', 'Members:Read', '', '*', 'members', 'constructor', '__proto__']) {
      assert.throws(
        () => identsphere.requirePermission?.(permission),
        (error) =>
          error instanceof ConfigurationError &&
          error.message.includes(`requirePermission('${permission}')`) &&
          /rbac.*billing:manage, .*organization:update/.test(error.message),
        permission,
      )
    }
    assert.throws(() => identsphere.requireRole?.('admin', 'chief'), /requireRole\('chief'\)/)
    assert.throws(() => identsphere.requireRole?.(['admin'], { onDenied: 'json' }), /requireRole\(\[ 'admin' \]\)/)
    assert.throws(() => identsphere.requireRole?.(), /requireRole\(undefined\).*owner, admin/)
    for (const maxAgeSeconds of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, '60', null]) {
      assert.throws(() => identsphere.requireRecentMfa?.({ maxAgeSeconds }), RangeError, String(maxAgeSeconds))
    }
  })

  it('accept any of several roles, and always the owner', async () => {
    const guard = app.identsphere.requireRole('billing', 'viewer')
    const set = (role: string) => app.sql('UPDATE identsphere.organization_memberships SET role = $1', [role])
    try {
      for (const [role, passes] of Object.entries({
        owner: true,
        admin: false,
        billing: true,
        member: false,
        viewer: true,
      })) {
        await set(role)
        assert.equal((await passageOf([guard], signedIn())).passed, passes, role)
      }
    } finally {
      await set('owner')
    }
  })

  it("require all of several permissions, by the host's own matrix", async () => {
    const other = await startApp({
      rbac: { owner: ['*'], admin: ['reports:read', 'reports:write'], viewer: ['reports:read'] },
      routes(host, identsphere) {
        const guard = identsphere.requirePermission('reports:read', 'reports:write')
        host.get('/reports', guard, (_request, response) => void response.end())
      },
    })
    try {
      const { client } = await newPerson(other)
      for (const [role, status] of Object.entries({ owner: 200, admin: 200, viewer: 403, member: 403, billing: 403 })) {
        await other.sql('UPDATE identsphere.organization_memberships SET role = $1', [role])
        assert.equal((await client.get('/reports')).status, status, role)
      }
      assert.throws(() => other.identsphere.requirePermission('members:read'), ConfigurationError)
    } finally {
      await other.close()
    }
  })

  it('keep two instances in one process apart', async () => {
    const other = await startApp()
    try {
      const stranger = await newPerson(other)
      const request = signedIn()
      assert.equal((await passageOf([other.identsphere.requireAuth()], request)).code, 'authentication_required')
      assert.throws(() => other.identsphere.auth(request), /no guard/)
      const chain = [app.identsphere.requireAuth(), other.identsphere.optionalAuth()]
      const both = signedIn()
      assert.equal((await passageOf(chain, both)).passed, true)
      assert.equal(app.identsphere.auth(both).userId, owner.userId)
      assert.equal(other.identsphere.authOrNull(both), null)

      const theirs = bareRequest({ cookie: `identsphere_at=${stranger.client.cookie('at')}` })
      assert.equal((await passageOf([app.identsphere.requireAuth()], theirs)).passed, false)
      assert.equal((await passageOf([other.identsphere.requireAuth()], theirs)).passed, true)
    } finally {
      await other.close()
    }
  })

  it('need neither our router nor parsers, on Express or bare node:http', async () => {
    const handler = (request: IncomingMessage, response: ServerResponse) => {
      response.end(app.identsphere.auth(request).userId)
    }
    const host = express()
    host.all('/guarded', app.identsphere.requireRole('admin'), handler)
    const guard = app.identsphere.requireRole('admin')
    const bare = createServer((request, response) => {
      guard(request, response, (error) => {
        assert.equal(error, undefined)
        handler(request, response)
      })
    })
    for (const server of [createServer(host), bare]) {
      await listening(server, async (url) => {
        const headers = { cookie: `identsphere_at=${owner.client.cookie('at')}` }
        const csrf = owner.client.cookie('csrf') as string
        const client = new Client(url)
        assert.equal((await client.get('/guarded', { headers })).text, owner.userId)
        assert.equal((await client.get('/guarded')).status, 401)
        assert.equal((await client.post('/guarded', {}, { headers })).status, 403)
        assert.equal((await client.post('/guarded', {}, { headers, csrf })).text, owner.userId)
      })
    }
  })

  it('cannot be turned off by the order of mounting', async () => {
    const { identsphere } = app
    const handler = (_request: IncomingMessage, response: ServerResponse) => void response.end('open')
    for (const mount of [
      (host: express.Express) => {
        host.use(identsphere.router())
        host.use('/area', identsphere.requireAuth())
        host.get('/area/page', handler)
      },
      (host: express.Express) => {
        host.use('/area', identsphere.requireAuth())
        host.get('/area/page', handler)
        host.use(identsphere.router())
      },
      (host: express.Express) => {
        const area = express.Router()
        area.use(identsphere.optionalAuth(), identsphere.requireAuth())
        area.get('/page', handler)
        host.use('/area', area)
      },
    ]) {
      const host = express()
      mount(host)
      await listening(createServer(host), async (url) => {
        const client = new Client(url)
        assert.equal((await client.get('/area/page')).status, 401)
        const cookie = `identsphere_at=${owner.client.cookie('at')}`
        assert.equal((await client.get('/area/page', { headers: { cookie } })).text, 'open')
      })
    }
  })
})

describe('a guard that denies', () => {
  let app: TestApp
  before(async () => {
    app = await startApp()
  })
  after(() => app.close())

  const page = { accept: 'text/html,application/xhtml+xml' }

  it('answers with the error envelope by default, whatever the client accepts', async () => {
    for (const headers of [{}, page, { accept: 'application/json' }]) {
      const passage = await passageOf([app.identsphere.requireAuth()], bareRequest(headers))
      assert.deepEqual(passage, {
        passed: false,
        status: 401,
        code: 'authentication_required',
        location: null,
        error: null,
      })
    }
  })

  it('redirects only page loads without a session, if told to', async () => {
    const guard = app.identsphere.requireAuth({ onDenied: 'redirect' })
    const location = `${app.mount}/v1/auth/resume?return_to=%2Freports%3Fyear%3D2026`
    for (const [headers, method, status] of [
      [page, 'GET', 303],
      [page, 'HEAD', 303],
      [page, 'POST', 401],
      [{ accept: 'application/json' }, 'GET', 401],
      [{ accept: '*/*' }, 'GET', 401],
      [{}, 'GET', 401],
    ] as const) {
      const passage = await passageOf([guard], bareRequest({ ...headers }, method, '/reports?year=2026'))
      assert.equal(passage.status, status, method)
      assert.equal(passage.location, status === 303 ? location : null)
    }
    const { client } = await newPerson(app)
    const cookie = `identsphere_at=${client.cookie('at')}`
    const roles = app.identsphere.requirePlatformAdmin({ onDenied: 'redirect' })
    const forbidden = await passageOf([roles], bareRequest({ ...page, cookie }))
    assert.deepEqual([forbidden.status, forbidden.location], [403, null], 'signing in would not help')
  })

  /** @see CVE-2022-24794, express-openid-connect; CVE-2024-29041, Express */
  it('redirects to its own origin only, even for hostile targets', async () => {
    const hostile = [
      '//evil.example',
      '///evil.example/..',
      '/\\evil.example',
      '\\\\evil.example',
      '/%5cevil.example',
      '/%2fevil.example',
      'https://evil.example/',
      'https:evil.example',
      'http://user@evil.example',
      'javascript:alert(1)',
      '/x\r\nSet-Cookie: a=b',
      '/x\u0000',
      '/\t/evil.example',
      '/?return_to=https://evil.example',
      '/#\u2028',
      '/x'.repeat(5_000),
    ]
    const guard = app.identsphere.requireAuth({ onDenied: 'redirect' })
    const { client } = await newPerson(app)
    for (const target of hostile) {
      // The endpoint behind the redirect checks the path again.
      for (const request of [
        bareRequest(page, 'GET', target),
        Object.assign(bareRequest(page), { originalUrl: target }),
      ]) {
        const passage = await passageOf([guard], request)
        assert.equal(passage.status, 303)
        const path = (passage.location ?? '').slice(app.mount.length)
        assert.match(path, /^\/v1\/auth\/resume(\?return_to=[\w%.*+-]*)?$/)
        const resumed = await client.get(path)
        assert.equal(resumed.status, target.includes('\u0000') ? 400 : 303)
        if (resumed.status === 303) assert.equal(new URL(resumed.headers.location as string).origin, app.origin)
      }
    }
  })

  it('redirects to the path where browsers see the router', async () => {
    const mounted = await startApp({ mount: '/identity' })
    try {
      const guard = mounted.identsphere.requireAuth({ onDenied: 'redirect' })
      const { location } = await passageOf([guard], bareRequest(page))
      assert.equal(location, '/identity/v1/auth/resume?return_to=%2F')
    } finally {
      await mounted.close()
    }
  })

  it('lets a function answer, which gets the reason', async () => {
    const told: string[] = []
    const guards = guardsOf(app.identsphere, (error, request, response) => {
      assert.ok(error instanceof IdentSphereError)
      told.push(`${request.method} ${error.code}`)
      response.statusCode = 418
      response.end()
    })
    for (const [name, guard] of Object.entries(guards)) {
      const { passed, status } = await passageOf([guard], bareRequest())
      assert.deepEqual({ passed, status }, { passed: false, status: 418 }, name)
    }
    assert.deepEqual(told, Array(6).fill('GET authentication_required'))
  })

  it('answers 500 and keeps the process alive if that function fails', async () => {
    const thrown = new Error('the page could not be rendered')
    const functions: OnDenied[] = [
      () => {
        throw thrown
      },
      (async () => {
        throw thrown
      }) as OnDenied,
      () => {
        throw undefined
      },
    ]
    for (const onDenied of functions) {
      app.log.lines.length = 0
      let passage: Passage | undefined
      const uncaught = await uncaughtDuring(async () => {
        passage = await passageOf([app.identsphere.requireAuth({ onDenied })], bareRequest())
      })
      assert.deepEqual(uncaught, [])
      assert.equal(passage?.passed, false)
      assert.equal(passage?.status, 500)
      assert.equal(passage?.code, 'internal_error')
      assert.equal(app.log.lines.filter((line) => line.startsWith('error')).length, 1)
    }
  })

  it('keeps the process alive if the response was already sent', async () => {
    for (const onDenied of ['json', 'redirect'] as const) {
      const guard = app.identsphere.requireAuth({ onDenied })
      const server = createServer((request, response) => {
        response.end('too late')
        guard(request, response, () => assert.fail('must not pass'))
      })
      const uncaught = await uncaughtDuring(() =>
        listening(server, async (url) => {
          assert.equal((await new Client(url, page).get('/')).text, 'too late')
          await app.identsphere.authenticate(bareRequest())
        }),
      )
      assert.deepEqual(uncaught, [])
    }
  })
})

/** @see CVE-2026-73421, Auth.js; CVE-2020-15223, Fosite */
describe('guards with a failing database', () => {
  let app: TestApp
  let owner: Awaited<ReturnType<typeof signUp>>
  before(async () => {
    app = await startApp()
    owner = await newPerson(app)
    await app.sql('INSERT INTO identsphere.platform_admins (user_id, created_at) VALUES ($1, now())', [owner.userId])
    await app.sql('UPDATE identsphere.user_sessions SET mfa_verified_at = now()')
  })
  after(() => app.close())

  const signedIn = () => bareRequest({ cookie: `identsphere_at=${owner.client.cookie('at')}` })

  async function assertDenied(identsphere: IdentSphere, code: string): Promise<void> {
    const guards = { ...guardsOf(identsphere), optionalAuth: identsphere.optionalAuth() }
    for (const [name, guard] of Object.entries(guards)) {
      const request = signedIn()
      const passage = await passageOf([guard], request)
      assert.deepEqual({ passed: passage.passed, code: passage.code }, { passed: false, code }, name)
      assert.throws(() => identsphere.authOrNull(request), /no guard/, name)
    }
    const codes: string[] = []
    const told = identsphere.requireAuth({
      onDenied(error, _request, response) {
        codes.push(error.code)
        response.end()
      },
    })
    await passageOf([told], signedIn())
    assert.deepEqual(codes, [code])
  }

  it('deny while tables, rights or the schema are missing, and recover afterwards', async () => {
    for (const [breaks, mends] of [
      ['ALTER TABLE identsphere.users RENAME TO gone', 'ALTER TABLE identsphere.gone RENAME TO users'],
      [
        'ALTER TABLE identsphere.platform_admins RENAME TO gone',
        'ALTER TABLE identsphere.gone RENAME TO platform_admins',
      ],
      ['ALTER TABLE identsphere.signing_keys RENAME TO gone', 'ALTER TABLE identsphere.gone RENAME TO signing_keys'],
      ['ALTER SCHEMA identsphere RENAME TO gone', 'ALTER SCHEMA gone RENAME TO identsphere'],
      [
        'ALTER TABLE identsphere.organization_memberships RENAME COLUMN role TO gone',
        'ALTER TABLE identsphere.organization_memberships RENAME COLUMN gone TO role',
      ],
    ] as const) {
      await app.sql(breaks)
      try {
        await assertDenied(app.identsphere, 'service_unavailable')
      } finally {
        await app.sql(mends)
      }
      for (const guard of Object.values(guardsOf(app.identsphere))) {
        assert.equal((await passageOf([guard], signedIn())).passed, true)
      }
    }
  })

  it('deny if the database is absent or not migrated', async () => {
    for (const database of ['postgres://127.0.0.1:1/none', app.databaseUrl.replace(/\/[^/]*$/, '/not_there')]) {
      const node = await app.node({ database, publicBaseUrl: app.url })
      await assertDenied(node.identsphere, 'service_unavailable')
    }
    const behind = await app.node({ schema: 'elsewhere', publicBaseUrl: app.url })
    await assertDenied(behind.identsphere, 'service_unavailable')
  })

  it('deny a token whose key they do not have', async () => {
    const other = buildIdentSphere(
      { database: app.databaseUrl, publicBaseUrl: app.url },
      {
        environment: { ...app.environment, IDENTSPHERE_JWT_SECRET: randomBytes(32).toString('hex') },
        clock: app.clock,
      },
    )
    const passage = await passageOf([other.requireAuth()], signedIn())
    await other.close()
    assert.equal(passage.code, 'authentication_required')
  })
})
