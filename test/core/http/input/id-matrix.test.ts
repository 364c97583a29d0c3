import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import type { Route } from '../../../../lib/core/http/route.js'
import { startApp, type TestApp } from '../../../support/app.js'
import type { Client } from '../../../support/client.js'
import { callsOf, routesWithCalls, routesWithThings, thingOf } from '../../../support/every-route.js'
import { needs } from '../../../support/host.js'
import { anotherBrowser, nativeClient, newPerson, type Person, verifiedPerson } from '../../../support/people.js'
import { isPage, nameOf, routesOf } from '../../../support/routes.js'

/** Verifies all addresses. Otherwise a change of factors is refused before the lookup. */
async function verifyAll(app: TestApp): Promise<void> {
  await app.sql('UPDATE identsphere.users SET email_verified_at = now() WHERE email_verified_at IS NULL')
}

/** Clients that attempt access, given the owner, and their expected status. */
const others: Record<string, { status: 401 | 404; client(app: TestApp, owner: Person): Promise<Client> }> = {
  'an anonymous client': { status: 401, client: async (app) => app.client() },
  'another user of another organization': { status: 404, client: async (app) => (await newPerson(app)).client },
  'another user by a bearer token': {
    status: 404,
    client: (app) => nativeClient(app),
  },
  'a colleague who owns the organization': {
    status: 404,
    async client(app, owner) {
      const colleague = await newPerson(app)
      await app.sql(
        `INSERT INTO identsphere.organization_memberships (organization_id, user_id, role, created_at)
         VALUES ($1, $2, 'owner', now())`,
        [owner.organizationId, colleague.userId],
      )
      await app.sql('UPDATE identsphere.user_sessions SET organization_id = $1 WHERE user_id = $2', [
        owner.organizationId,
        colleague.userId,
      ])
      return anotherBrowser(app, colleague.email)
    },
  },
  'a platform admin': {
    status: 404,
    async client(app) {
      const admin = await newPerson(app)
      await app.sql('INSERT INTO identsphere.platform_admins (user_id, created_at) VALUES ($1, now())', [admin.userId])
      await app.sql('UPDATE identsphere.user_sessions SET mfa_verified_at = now() WHERE user_id = $1', [admin.userId])
      return admin.client
    },
  },
  'another, disabled user': { status: 401, client: (app) => changed(app, `status = 'disabled'`) },
  'another, deleted user': { status: 401, client: (app) => changed(app, `status = 'deleted'`) },
  'its disabled owner': { status: 401, client: (app, owner) => changed(app, `status = 'disabled'`, owner) },
  'its deleted owner': { status: 401, client: (app, owner) => changed(app, `status = 'deleted'`, owner) },
  'its owner after a credential change elsewhere': {
    status: 401,
    client: (app, owner) => changed(app, 'security_version = security_version + 1', owner),
  },
  'its owner with a revoked session': { status: 401, client: (app, owner) => ended(app, owner, 'revoked_at = now()') },
  'its owner with an expired session': { status: 401, client: (app, owner) => ended(app, owner, 'expires_at = now()') },
  "its owner with a cookie's token in Authorization": {
    status: 401,
    client: async (app, owner) => app.client({ authorization: `Bearer ${owner.client.cookie('at')}` }),
  },
  'its owner with a refresh token': {
    status: 401,
    client: async (app, owner) => app.client({ authorization: `Bearer ${owner.client.cookie('rt')}` }),
  },
}

async function changed(app: TestApp, change: string, given?: Person): Promise<Client> {
  const { client, userId } = given ?? (await newPerson(app))
  await app.sql(`UPDATE identsphere.users SET ${change} WHERE id = $1`, [userId])
  return client
}

async function ended(app: TestApp, { client, sessionId }: Person, change: string): Promise<Client> {
  await app.sql(`UPDATE identsphere.user_sessions SET ${change} WHERE id = $1`, [sessionId])
  return client
}

function pathOf(route: Route, params: Record<string, string>): string {
  return route.path.replace(/:(\w+)/g, (_, name: string) => params[name] ?? assert.fail(`no value for :${name}`))
}

/** Answers that no call can reach, with the reason. An entry that is reached fails the test. */
const unreachable: Record<string, string> = {
  'POST /v1/auth/register 200': 'a new account has no second factor',
  'GET /v1/health 503': 'needs a database that does not answer',
}

/**
 * Routes without CSRF protection, with the reason. All others require it of cookie sessions if they change something.
 */
const withoutCsrf: Record<string, string> = {
  'POST /v1/auth/register': 'acts for no session',
  'POST /v1/auth/login': 'acts for no session',
  'POST /v1/auth/mfa/challenge': 'acts for the holder of the challenge token',
  'POST /v1/auth/password/forgot': 'acts for no session',
  'POST /v1/auth/password/reset': 'acts for the holder of the link',
  'POST /v1/auth/email-otp/request': 'acts for no session',
  'POST /v1/auth/email-otp/verify': 'acts for the holder of the code',
  'POST /v1/auth/magic-link/request': 'acts for no session',
  'POST /v1/auth/magic-link/verify': 'acts for the holder of the link',
  'POST /v1/auth/email/undo': 'acts for the holder of the link',
  'POST /v1/auth/passkey/login/begin': 'acts for no session',
  'POST /v1/auth/passkey/login/complete': 'acts for the holder of the passkey',
  'POST /v1/auth/mfa/challenge/passkey/begin': 'acts for the holder of the challenge',
  'POST /v1/auth/mfa/challenge/passkey/complete': 'acts for the holder of the passkey',
}

let app: TestApp
let routes: readonly Route[]
before(async () => {
  app = await startApp()
  routes = routesOf(app)
})
after(() => app.close())

/**
 * @see GHSA-4vcf, better-auth: passkeys of other users by their id
 * @see CVE-2024-39683, Zitadel; CVE-2025-61928, better-auth
 */
describe('resources of other users', () => {
  const withParams = () => routes.filter((route) => route.path.includes(':'))

  it('have a fixture for every route with an id', () => {
    assert.deepEqual(withParams().map(nameOf).sort(), [...routesWithThings].sort())
    for (const route of withParams()) assert.equal(route.auth, 'session', nameOf(route))
  })

  for (const [who, { status, client: clientOf }] of Object.entries(others)) {
    it(`answer ${status} to ${who}, and stay unchanged`, async () => {
      for (const route of withParams()) {
        const owner = await verifiedPerson(app)
        const { params, body, row } = await thingOf(route, app, owner)
        const client = await clientOf(app, owner)
        await verifyAll(app)
        const before = await row()
        const answer = await client.send(route.method, pathOf(route, params), body === undefined ? {} : { body })
        assert.equal(answer.status, status, `${nameOf(route)} ${answer.text}`)
        assert.equal(answer.body.error.code, status === 401 ? 'authentication_required' : 'not_found')
        assert.deepEqual(await row(), before)
      }
    })
  }

  it('look like missing ones, and invalid ids answer 400', async () => {
    for (const route of withParams()) {
      const owner = await verifiedPerson(app)
      const { params, body } = await thingOf(route, app, owner)
      const options = body === undefined ? {} : { body }
      const stranger = (await newPerson(app)).client
      await verifyAll(app)
      const all = (value: string) => pathOf(route, Object.fromEntries(Object.keys(params).map((name) => [name, value])))
      const foreign = await stranger.send(route.method, pathOf(route, params), options)
      const missing = await stranger.send(route.method, all(randomUUID()), options)
      const plain = ({ error }: { error: object }) => ({ ...error, request_id: null })
      assert.deepEqual(plain(foreign.body), plain(missing.body))
      for (const value of [
        'x',
        '1',
        '-1',
        'null',
        'undefined',
        '%00',
        '%20',
        '%E0%A4%A',
        '%ff',
        '%ED%A0%80',
        '..%2F..%2Fusers',
        "'%20OR%201=1--",
        `${params.id}%00`,
        `${params.id}%20`,
        `${params.id},${params.id}`,
        `%7B${params.id}%7D`,
        `${params.id?.replaceAll('-', '')}`,
        'x'.repeat(4_000),
        '%3Cscript%3Ealert(1)%3C%2Fscript%3E',
      ]) {
        const answer = await owner.client.send(route.method, all(value), options)
        assert.equal(answer.status, 400, `${value} ${answer.text}`)
        assert.equal(answer.body.error.code, 'invalid_input', value)
        assert.doesNotMatch(answer.text, /script/)
      }
    }
  })

  it('are available to their owner, once', async () => {
    for (const route of withParams()) {
      const owner = await verifiedPerson(app)
      const { params, body, row } = await thingOf(route, app, owner)
      const before = await row()
      const send = () => owner.client.send(route.method, pathOf(route, params), body === undefined ? {} : { body })
      const answer = await send()
      assert.ok(answer.status in route.output, `${nameOf(route)} ${answer.text}`)
      assert.notDeepEqual(await row(), before)
      if (route.method === 'DELETE') assert.equal((await send()).status, 404)
    }
  })
})

describe('every route', () => {
  it('has successful calls, and every call has a route', () => {
    assert.deepEqual(routes.map(nameOf).sort(), [...routesWithCalls].sort())
    assert.equal(new Set(routes.map(nameOf)).size, routes.length, 'declared once')
  })

  it('answers each declared success with the declared body', async () => {
    const reached = new Set<string>()
    for (const route of routes) {
      for (const { client, path, options, status } of await callsOf(route, app)) {
        const answer = await client.send(route.method, path, options)
        assert.equal(answer.status, status, `${nameOf(route)} ${answer.text}`)
        assert.ok(status in route.output, `${nameOf(route)} does not declare ${status}`)
        reached.add(`${nameOf(route)} ${status}`)
        const shape = route.output[status]
        if (isPage(route) || route.path === '/v1/dev/mailbox') assert.equal(answer.body, undefined, nameOf(route))
        else if (shape === null) assert.equal(answer.text, '', nameOf(route))
        else {
          const parsed = shape?.safeParse(answer.body)
          assert.equal(parsed?.success, true, `${nameOf(route)} ${parsed?.error}`)
        }
        assert.equal(answer.headers['cache-control'], route.cacheControl ?? 'no-store', nameOf(route))
        assert.equal(answer.headers['x-content-type-options'], 'nosniff', nameOf(route))
        assert.ok(answer.headers['x-request-id'], nameOf(route))
      }
    }
    const declared = routes.flatMap((route) => Object.keys(route.output).map((status) => `${nameOf(route)} ${status}`))
    assert.deepEqual(declared.filter((answer) => !reached.has(answer)).sort(), Object.keys(unreachable).sort())
  })

  it('answers 401 without a session before it reads anything else', {
    skip: needs('an unread body'),
  }, async () => {
    const denied = routes.filter((route) => route.auth === 'session')
    assert.ok(denied.length > 0)
    for (const route of denied) {
      const path = route.path.replace(/:\w+/g, 'x')
      for (const headers of [{}, { authorization: 'Bearer x' }, { cookie: 'identsphere_at=x; identsphere_rt=x' }]) {
        for (const raw of [undefined, '{', '{"__proto__":1}', '"x"']) {
          const payload = raw === undefined || route.method === 'GET' ? {} : { raw }
          const answer = await app.client().send(route.method, path, { headers, ...payload })
          assert.equal(answer.status, 401, `${nameOf(route)} ${raw}`)
          assert.equal(answer.body.error.code, 'authentication_required')
          assert.equal(answer.headers['www-authenticate'], 'Bearer')
        }
      }
    }
  })

  it('requires a CSRF token of cookie sessions if it changes something', async () => {
    const exempt: string[] = []
    for (const route of routes.filter(({ method }) => method !== 'GET')) {
      const name = nameOf(route)
      const foreign = await newPerson(app)
      const [call] = await callsOf(route, app)
      if (call.client.cookies.size === 0) {
        const { client } = await newPerson(app)
        for (const [cookie, value] of client.cookies) call.client.cookies.set(cookie, value)
      }
      for (const csrf of [false, 'x', foreign.client.cookie('csrf') as string] as const) {
        const answer = await call.client.send(route.method, call.path, { ...call.options, csrf })
        if (answer.status === call.status || answer.status === 409) {
          exempt.push(name)
          break
        }
        assert.equal(answer.status, 403, `${name} ${answer.text}`)
        assert.equal(answer.body.error.code, 'csrf_failed')
        assert.equal(answer.headers['set-cookie'], undefined)
      }
    }
    assert.deepEqual(exempt.sort(), Object.keys(withoutCsrf).sort())
  })

  it('rejects other sites if it changes something, signed in or not', async () => {
    const unsafe = routes.filter(({ method }) => method !== 'GET')
    for (const route of unsafe) {
      const [call] = await callsOf(route, app) // refused, so that it can be sent again
      for (const headers of [
        { origin: 'https://evil.example' },
        { origin: 'null' },
        { origin: `${app.origin}.evil.example` },
        { 'sec-fetch-site': 'cross-site' },
      ]) {
        for (const client of [call.client, app.client()]) {
          const answer = await client.send(route.method, call.path, { ...call.options, headers })
          assert.equal(answer.status, 403, `${nameOf(route)} ${JSON.stringify(headers)} ${answer.text}`)
          assert.equal(answer.body.error.code, 'csrf_failed')
        }
      }
    }
  })

  it('answers 503 while the database is away, health included', async () => {
    const node = await app.node({ database: 'postgres://127.0.0.1:1/none', publicBaseUrl: app.url })
    for (const route of routes.filter((one) => !isPage(one))) {
      const [call] = await callsOf(route, app)
      const client = node.client({ ...call.client.defaults, origin: app.origin })
      for (const [name, cookie] of call.client.cookies) client.cookies.set(name, cookie)
      const answer = await client.send(route.method, call.path, call.options)
      assert.equal(answer.status, 503, `${nameOf(route)} ${answer.text}`)
      if (nameOf(route) === 'GET /v1/health') {
        assert.equal(route.output[503]?.safeParse(answer.body).success, true)
        continue
      }
      assert.equal(answer.body.error.code, 'service_unavailable', nameOf(route))
      assert.ok(Number(answer.headers['retry-after']) > 0)
      assert.equal(answer.headers['set-cookie'], undefined)
      assert.doesNotMatch(answer.text, /ECONNREFUSED|127\.0\.0\.1:1|postgres/)
    }
  })
})
