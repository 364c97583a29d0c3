import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { IdentSphereError } from '../../lib/core/errors.js'
import { createAccessTokens } from '../../lib/features/tokens/access-tokens.js'
import { loadSigningKeys } from '../../lib/features/tokens/signing-keys.js'
import { buildResourceServer, type ResourceServer } from '../../lib/resource/resource-server.js'
import type { TokenAuth } from '../../lib/resource/token-auth.js'
import { bareRequest, passageOf } from '../support/chain.js'
import { testClock } from '../support/clock.js'
import { newPair } from '../support/forgeries.js'
import { type KeyServer, startKeyServer } from '../support/key-server.js'
import { createLogRecorder } from '../support/log.js'
import { startRoutes } from '../support/resource.js'

const issuer = 'https://id.example.com'
const resource = 'https://api.example.com/v2'
const metadataUrl = 'https://api.example.com/.well-known/oauth-protected-resource/v2'
const pair = newPair()
const keys = loadSigningKeys({
  signingKeys: [{ privateKey: pair.privateKey }],
  jwtSecret: undefined,
  allowHs256: false,
})
const clock = testClock()
const tokens = createAccessTokens({ keys, issuer, audience: issuer, clock })

/** A token of a user who signed in a minute ago, with additional claims. */
function token(more: Record<string, unknown> = {}): string {
  const signedInAt = Math.floor(clock.now() / 1000) - 60
  const claims = { sub: 'user-1', sid: 'session-1', epoch: 0, amr: ['pwd'], email: 'ada@example.com' }
  return tokens.sign({ ...claims, auth_time: signedInAt, ...more }, 900)
}
const bearer = (more?: Record<string, unknown>) => ({ authorization: `Bearer ${token(more)}` })
const secondsAgo = (seconds: number) => ({ auth_time: Math.floor(clock.now() / 1000) - seconds })

let keyServer: KeyServer
let identsphere: ResourceServer
before(async () => {
  keyServer = await startKeyServer()
  keyServer.serve(keys.publicJwks)
  identsphere = server({ resource })
})
after(() => keyServer.close())

function server(more: { resource?: string; jwksUri?: string } = {}): ResourceServer {
  return buildResourceServer({ issuer, jwksUri: keyServer.url, development: true, ...more }, { environment: {}, clock })
}

describe('the answer of each guard to each token', () => {
  const kinds = {
    none: () => ({}),
    basic: () => ({ authorization: 'Basic YTpi' }),
    cookie: () => ({ cookie: `identsphere_at=${token()}` }),
    forged: () => ({ authorization: `Bearer ${token().slice(0, -4)}AAAA` }),
    malformed: () => ({ authorization: 'Bearer' }),
    fromCookie: () => bearer({ dlv: 'cookie' }),
    keyBound: () => bearer({ cnf: { jkt: 'thumbprint' } }),
    own: () => bearer(),
    ownLongAgo: () => bearer(secondsAgo(601)),
    client: () => bearer({ client_id: 'client-1', scope: 'notes:read' }),
    clientWithAll: () => bearer({ client_id: 'client-1', scope: 'notes:write notes:read' }),
  }
  const guards = {
    requireAuth: () => identsphere.requireAuth(),
    optionalAuth: () => identsphere.optionalAuth(),
    requireScope: () => identsphere.requireScope('notes:read', 'notes:write'),
    requireRecentAuth: () => identsphere.requireRecentAuth(),
  }
  const anonymous = [401, `Bearer resource_metadata="${metadataUrl}"`] as const
  const invalid = [401, `Bearer error="invalid_token", resource_metadata="${metadataUrl}"`] as const
  const clients = [403, `Bearer error="insufficient_scope", resource_metadata="${metadataUrl}"`] as const
  const scopes = [
    403,
    `Bearer error="insufficient_scope", scope="notes:read notes:write", resource_metadata="${metadataUrl}"`,
  ] as const
  const old = [
    401,
    `Bearer error="insufficient_user_authentication", max_age="600", resource_metadata="${metadataUrl}"`,
  ] as const
  const through = [200, undefined] as const
  const table: Record<keyof typeof kinds, Array<readonly [number, string | undefined]>> = {
    // Columns: requireAuth, optionalAuth, requireScope, requireRecentAuth
    none: [anonymous, through, anonymous, anonymous],
    basic: [anonymous, through, anonymous, anonymous],
    cookie: [anonymous, through, anonymous, anonymous],
    forged: [invalid, through, invalid, invalid],
    malformed: [invalid, through, invalid, invalid],
    fromCookie: [invalid, through, invalid, invalid],
    keyBound: [invalid, through, invalid, invalid],
    own: [through, through, scopes, through],
    ownLongAgo: [through, through, scopes, old],
    client: [clients, through, scopes, clients],
    clientWithAll: [clients, through, through, clients],
  }
  for (const [kind, expected] of Object.entries(table)) {
    test(`is as listed for ${kind}`, async () => {
      for (const [index, [guard, make]] of Object.entries(guards).entries()) {
        const { client, close } = await startRoutes({ '/': [make()] })
        const answer = await client.get('/', { headers: kinds[kind as keyof typeof kinds]() })
        const [status, challenge] = expected[index] ?? []
        assert.equal(answer.status, status, guard)
        assert.equal(answer.headers['www-authenticate'], challenge, guard)
        if (status !== 200) {
          const { code, message, type, request_id, ...others } = answer.body.error
          const codes = challenge?.includes('user_authentication')
            ? 'reauthentication_required'
            : status === 401
              ? 'authentication_required'
              : 'forbidden'
          assert.equal(code, codes, guard)
          assert.ok([message, type, request_id].every((text) => typeof text === 'string' && text !== ''))
          assert.deepEqual(others, {})
          assert.equal(answer.headers['cache-control'], 'no-store')
          assert.equal(answer.headers['set-cookie'], undefined)
        }
        await close()
      }
    })
  }

  test('names no metadata without the option resource', async () => {
    const { client, close } = await startRoutes({ '/': [server().requireAuth()] })
    assert.equal((await client.get('/')).headers['www-authenticate'], 'Bearer')
    await close()
  })
})

describe('a failure to fetch keys', () => {
  test('answers 503 with Retry-After and no challenge at every guard', async () => {
    const lost = server({ jwksUri: 'http://localhost:1/' })
    const guards = [lost.requireAuth(), lost.optionalAuth(), lost.requireScope('a'), lost.requireRecentAuth()]
    for (const guard of guards) {
      const { client, close } = await startRoutes({ '/': [guard] })
      const answer = await client.get('/', { headers: bearer() })
      assert.equal(answer.status, 503)
      assert.equal(answer.body.error.code, 'service_unavailable')
      assert.match(String(answer.headers['retry-after']), /^[1-5]$/)
      assert.equal(answer.headers['www-authenticate'], undefined)
      await close()
    }
    await assert.rejects(
      lost.authenticate(new Headers(bearer())),
      (error) => error instanceof IdentSphereError && error.code === 'service_unavailable',
    )
    assert.equal(await lost.authenticate(new Headers()), null, 'a request without a token needs no keys')
  })
})

describe('requireRecentAuth', () => {
  test('accepts an age in seconds, and tolerates a small clock difference', async () => {
    for (const [age, passes] of [
      [29, true],
      [31, false],
      [-4, true],
      [-7, false],
    ] as const) {
      const guard = identsphere.requireRecentAuth({ maxAgeSeconds: 30 })
      const { passed, code } = await passageOf([guard], bareRequest(bearer(secondsAgo(age))))
      assert.equal(passed, passes, `${age}`)
      assert.equal(code, passes ? null : 'reauthentication_required')
    }
  })

  test('checks the age of remembered tokens too', async () => {
    const headers = bearer(secondsAgo(590))
    const guard = identsphere.requireRecentAuth()
    assert.ok((await passageOf([guard], bareRequest(headers))).passed)
    clock.advance(11)
    assert.equal((await passageOf([guard], bareRequest(headers))).code, 'reauthentication_required')
  })
})

describe('the identity for a handler', () => {
  test('contains the claims of the token, frozen', async () => {
    const request = bareRequest(bearer({ org: 'org-1', client_id: 'client-1', scope: 'a b', plan: { name: 'pro' } }))
    assert.ok((await passageOf([identsphere.requireScope('a')], request)).passed)
    const auth = identsphere.auth(request)
    const { authTime, expiresAt, claims, ...others } = auth
    assert.deepEqual(others, {
      kind: 'token',
      userId: 'user-1',
      sessionId: 'session-1',
      organizationId: 'org-1',
      email: 'ada@example.com',
      amr: ['pwd'],
      clientId: 'client-1',
      scopes: ['a', 'b'],
    } satisfies Partial<TokenAuth>)
    assert.equal(authTime.getTime() / 1000, claims.auth_time)
    assert.equal(expiresAt.getTime() / 1000, claims.exp)
    assert.deepEqual(claims.plan, { name: 'pro' })
    for (const value of [auth, auth.amr, auth.scopes, claims, claims.plan]) assert.ok(Object.isFrozen(value))
    assert.equal(identsphere.authOrNull(request), auth)
    assert.deepEqual(
      ['auth', 'user', 'identsphere'].filter((name) => name in request),
      [],
    )
  })

  test("is null after optionalAuth without a token or with a client's", async () => {
    for (const headers of [{}, bearer({ client_id: 'client-1', scope: 'a' })]) {
      const request = bareRequest(headers)
      assert.ok((await passageOf([identsphere.optionalAuth()], request)).passed)
      assert.equal(identsphere.authOrNull(request), null)
      assert.throws(() => identsphere.auth(request), /no guard found a signed-in user/)
    }
  })

  test('is absent without a guard of the same instance', async () => {
    const request = bareRequest(bearer())
    assert.ok((await passageOf([server().requireAuth()], request)).passed)
    assert.throws(() => identsphere.auth(request), /no guard/)
    assert.throws(() => identsphere.authOrNull(request), /no guard ran/)
  })
})

describe('authenticate', () => {
  test('reads a request of Node or fetch, or its headers, nothing else', async () => {
    const request = new Request('https://api.example.com', { headers: bearer() })
    assert.equal((await identsphere.authenticate(request))?.userId, 'user-1')
    for (const other of [undefined, null, '', {}, bearer()]) {
      await assert.rejects(identsphere.authenticate(other as never), TypeError)
    }
    assert.equal((await identsphere.authenticate(bareRequest(bearer())))?.userId, 'user-1')
    assert.equal((await identsphere.authenticate(new Headers(bearer())))?.userId, 'user-1')
    assert.equal(
      (await identsphere.authenticate(new Headers({ authorization: `bearer ${token()}` })))?.userId,
      'user-1',
    )
  })

  test('returns null without a token, for cookies and for clients', async () => {
    const nobody = [
      {},
      { cookie: `identsphere_at=${token()}` },
      bearer({ dlv: 'cookie' }),
      bearer({ client_id: 'client-1', scope: 'a' }),
    ]
    for (const headers of nobody) assert.equal(await identsphere.authenticate(new Headers(headers as never)), null)
  })
})

describe('a programming error', () => {
  test('gets an alternative if it is a guard that needs the database', () => {
    const loose = identsphere as unknown as Record<string, (...given: unknown[]) => unknown>
    for (const name of ['requireRole', 'requirePermission', 'requireRecentMfa', 'requirePlatformAdmin']) {
      assert.throws(
        () => loose[name]?.('admin'),
        new RegExp(`${name} does not exist in identsphere/resource: .* GET /v1/auth/session .*createIdentSphere`),
      )
    }
  })

  test('throws for a guard without a valid rule', () => {
    const requireScope = identsphere.requireScope as (...scopes: string[]) => unknown
    for (const scopes of [[], [''], ['a b'], ['a"'], ['a\\'], ['ä']])
      assert.throws(() => requireScope(...scopes), TypeError)
    const recent = identsphere.requireRecentAuth as (options: object) => unknown
    assert.throws(() => recent({ maxAge: 60 }), /no option maxAge/)
    for (const maxAgeSeconds of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 1.5, '60', null]) {
      assert.throws(() => recent({ maxAgeSeconds }), RangeError)
    }
  })

  test('writes no token to the log', async () => {
    const log = createLogRecorder()
    const logging = buildResourceServer(
      { issuer, jwksUri: keyServer.url, development: true, logger: log },
      { environment: {}, clock },
    )
    const sent = [token({ dlv: 'cookie' }), token().slice(0, -4), token()]
    for (const text of sent) await logging.authenticate(new Headers({ authorization: `Bearer ${text}` }))
    assert.equal(log.lines.length, 2)
    assert.ok(!log.lines.join().includes('eyJ'))
  })
})

describe('the metadata (RFC 9728)', () => {
  const get = async (given: { resource: string }, path: string, options = {}, method = 'GET') => {
    const { client, close } = await startRoutes({ [path]: [server(given).metadataRouter(options)] })
    const answer = await client.send(method, path)
    await close()
    return answer
  }

  test('names the issuer of tokens and how to send them', async () => {
    const answer = await get({ resource }, '/.well-known/oauth-protected-resource/v2')
    assert.equal(answer.status, 200)
    assert.equal(answer.headers['content-type'], 'application/json; charset=utf-8')
    assert.deepEqual(answer.body, {
      resource,
      authorization_servers: [issuer],
      bearer_methods_supported: ['header'],
    })
  })

  test('includes optional fields if given', async () => {
    const path = '/.well-known/oauth-protected-resource'
    const options = { scopes: ['notes:read'], name: 'Notes', documentation: 'https://docs.example.com/' }
    const { body } = await get({ resource: 'https://api.example.com' }, path, options)
    assert.deepEqual(body, {
      resource: 'https://api.example.com',
      authorization_servers: [issuer],
      bearer_methods_supported: ['header'],
      scopes_supported: ['notes:read'],
      resource_name: 'Notes',
      resource_documentation: 'https://docs.example.com/',
    })
  })

  test('is at the URL that a denial names', async () => {
    for (const given of ['https://api.example.com', 'https://api.example.com/', 'https://api.example.com/a/b/']) {
      const instance = server({ resource: given })
      const { client, close } = await startRoutes({ '/': [instance.requireAuth()] })
      const challenge = String((await client.get('/')).headers['www-authenticate'])
      await close()
      const url = new URL(/resource_metadata="([^"]+)"/.exec(challenge)?.[1] ?? '')
      const answer = await get({ resource: given }, `${url.pathname}?x=1`)
      assert.equal(answer.body.resource, given)
    }
  })

  test('passes on every other request', async () => {
    const path = '/.well-known/oauth-protected-resource/v2'
    for (const other of [
      '/',
      '/.well-known/oauth-protected-resource',
      `${path}/`,
      `${path}x`,
      '/v2',
      path.toUpperCase(),
    ]) {
      assert.equal((await get({ resource }, other)).text, 'through', other)
    }
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
      assert.equal((await get({ resource }, path, {}, method)).text, 'through', method)
    }
  })

  test('requires the option resource and rejects unknown options', () => {
    assert.throws(() => server().metadataRouter(), /set the option `resource`/)
    assert.throws(() => identsphere.metadataRouter({ scope: ['a'] } as never), /scope is not an option/)
  })
})
