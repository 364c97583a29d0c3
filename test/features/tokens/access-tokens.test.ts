import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import type { Clock } from '../../../lib/core/config/clock.js'
import {
  type AccessTokenClaims,
  assertNoReservedClaims,
  createAccessTokens,
} from '../../../lib/features/tokens/access-tokens.js'
import { loadSigningKeys, type SigningKey, type SigningKeys } from '../../../lib/features/tokens/signing-keys.js'

const start = 1_800_000_000
const addressee = { issuer: 'https://id.example.com', audience: 'https://app.example.com' }
const claims: AccessTokenClaims = {
  sub: 'user-1',
  sid: 'session-1',
  org: 'organization-1',
  epoch: 3,
  auth_time: start - 10,
  amr: ['pwd', 'otp'],
  email: 'ada@example.com',
  cnf: { jkt: 'thumbprint' },
}

function newPem() {
  return generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
}

const [oldPem, newerPem] = [newPem(), newPem()]
const oldKeys = ring({ privateKey: oldPem.privateKey, kid: 'old' })

function ring(...signingKeys: Array<{ privateKey?: string; publicKey?: string; kid?: string }>) {
  return loadSigningKeys({ signingKeys, jwtSecret: undefined, allowHs256: false })
}

function setUp(keys: SigningKeys = oldKeys, remember?: number) {
  let seconds = start
  const clock: Clock = { now: () => seconds * 1000, offsetSeconds: () => 0, wait: async () => {} }
  const tokens = createAccessTokens({ keys, ...addressee, clock, ...(remember === undefined ? {} : { remember }) })
  const moveTo = (value: number) => {
    seconds = value
  }
  return { ...tokens, moveTo }
}

function reason(result: ReturnType<ReturnType<typeof setUp>['verify']>) {
  return result.ok ? 'accepted' : result.reason
}

test('verifies in an independent library with our published keys', async () => {
  const token = setUp().sign(claims, 300)
  const { payload, protectedHeader } = await jwtVerify(
    token,
    createLocalJWKSet(oldKeys.publicJwks as Parameters<typeof createLocalJWKSet>[0]),
    { ...addressee, typ: 'at+jwt', algorithms: ['RS256'], currentDate: new Date(start * 1000) },
  )
  assert.deepEqual(protectedHeader, { alg: 'RS256', typ: 'at+jwt', kid: 'old' })
  const { jti, ...others } = payload
  assert.match(String(jti), /^[0-9a-f]{8}-[0-9a-f]{4}-7/)
  assert.deepEqual(others, {
    ...claims,
    iss: addressee.issuer,
    aud: addressee.audience,
    iat: start,
    exp: start + 300,
  })
})

test('yields its claims, frozen at every depth', () => {
  const tokens = setUp()
  const token = tokens.sign({ ...claims, plan: { seats: [1] } }, 300)
  for (const result of [tokens.verify(token), tokens.verify(token)]) {
    assert.ok(result.ok)
    const { sub, amr, cnf, plan } = result.claims
    assert.equal(sub, 'user-1')
    for (const value of [result, result.claims, amr, cnf, plan, (plan as { seats: number[] }).seats]) {
      assert.ok(Object.isFrozen(value))
    }
  }
})

test('is verified once and then remembered', () => {
  let lookups = 0
  const counting: SigningKey = {
    ...oldKeys.active,
    get verifyingKey() {
      lookups += 1
      return oldKeys.active.verifyingKey
    },
  }
  const keys = { ...oldKeys, byKid: new Map([['old', counting]]) }
  const verifications = (remember: number) => {
    lookups = 0
    const tokens = setUp(keys, remember)
    const token = tokens.sign(claims, 300)
    for (let time = 0; time < 5; time += 1) assert.ok(tokens.verify(token).ok)
    return lookups
  }
  assert.equal(verifications(10), 1)
  assert.equal(verifications(0), 5)
})

test('is signed and verified with a shared secret in development', () => {
  const jwtSecret = 'k7Qw0eZr5Tt9Yu3Ii1Oo8Pp2Aa6Ss4Dd'
  const tokens = setUp(loadSigningKeys({ signingKeys: [], jwtSecret, allowHs256: true }))
  const token = tokens.sign(claims, 300)
  assert.equal(decodeProtectedHeader(token).alg, 'HS256')
  assert.ok(tokens.verify(token).ok)
})

test('expires at exactly the second it names, remembered or not', () => {
  for (const remember of [0, 10]) {
    const tokens = setUp(oldKeys, remember)
    const token = tokens.sign(claims, 300)
    tokens.moveTo(start + 299.999)
    assert.ok(tokens.verify(token).ok)
    tokens.moveTo(start + 300)
    assert.equal(reason(tokens.verify(token)), 'expired')
  }
})

test('is accepted from a clock up to 5 seconds ahead', () => {
  const tokens = setUp()
  for (const [nbf, expected] of [
    [start + 5, 'accepted'],
    [start + 6, 'not_yet_valid'],
  ] as const) {
    assert.equal(reason(tokens.verify(tokens.sign({ ...claims, nbf }, 300))), expected)
  }
  tokens.moveTo(start + 6)
  const future = tokens.sign(claims, 300)
  tokens.moveTo(start)
  assert.equal(reason(tokens.verify(future)), 'not_yet_valid')
  tokens.moveTo(start + 1)
  assert.equal(reason(tokens.verify(future)), 'accepted')
})

test('is verified by the old key after a rotation', () => {
  const token = setUp().sign(claims, 300)
  const rotated = setUp(ring({ privateKey: newerPem.privateKey }, { publicKey: oldPem.publicKey, kid: 'old' }))
  assert.ok(rotated.verify(token).ok)
  assert.notEqual(decodeProtectedHeader(rotated.sign(claims, 300)).kid, 'old')
})

test('is verified by a published key that does not sign yet', () => {
  const token = setUp(ring({ privateKey: newerPem.privateKey, kid: 'new' })).sign(claims, 300)
  const before = setUp(
    ring({ privateKey: oldPem.privateKey, kid: 'old' }, { publicKey: newerPem.publicKey, kid: 'new' }),
  )
  assert.ok(before.verify(token).ok)
})

test('is refused at once if its key was removed, even if remembered', () => {
  const byKid = new Map(oldKeys.byKid)
  const tokens = setUp({ ...oldKeys, byKid })
  const token = tokens.sign(claims, 300)
  assert.ok(tokens.verify(token).ok)
  byKid.delete('old')
  assert.equal(reason(tokens.verify(token)), 'unknown_key')
})

test('is verified again if another key has taken the kid', () => {
  const byKid = new Map(oldKeys.byKid)
  const tokens = setUp({ ...oldKeys, byKid })
  const token = tokens.sign(claims, 300)
  assert.ok(tokens.verify(token).ok)
  byKid.set('old', { ...ring({ privateKey: newerPem.privateKey, kid: 'old' }).active })
  assert.equal(reason(tokens.verify(token)), 'signature')
})

test('is refused by instances with another audience or issuer', () => {
  const tokens = setUp()
  const clock: Clock = { now: () => start * 1000, offsetSeconds: () => 0, wait: async () => {} }
  const oauth = createAccessTokens({ keys: oldKeys, ...addressee, audience: 'https://api.example.com', clock })
  const tenant = createAccessTokens({ keys: oldKeys, ...addressee, issuer: 'https://id.example.org', clock })
  assert.equal(reason(oauth.verify(tokens.sign(claims, 300))), 'audience')
  assert.equal(reason(tenant.verify(tokens.sign(claims, 300))), 'issuer')
})

test('keeps issuer, audience, times and id whatever claims the caller gives', () => {
  const tokens = setUp()
  const result = tokens.verify(tokens.sign({ ...claims, iss: 'x', aud: 'x', exp: 9e12, iat: 1, jti: 'x' }, 300))
  assert.ok(result.ok)
  assert.equal(result.claims.exp, start + 300)
  assert.notEqual(result.claims.jti, 'x')
})

test('is not issued with an invalid lifetime or beyond the readable size', () => {
  const tokens = setUp()
  for (const lifetime of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.throws(() => tokens.sign(claims, lifetime), RangeError)
  }
  assert.throws(() => tokens.sign({ ...claims, note: 'x'.repeat(8000) }, 300), RangeError)
})

test('rejects reserved names in extra claims by name', () => {
  assertNoReservedClaims({ plan: 'pro', role_hint: 1 })
  const named = [
    'iss',
    'sub',
    'aud',
    'exp',
    'nbf',
    'iat',
    'jti',
    'sid',
    'org',
    'epoch',
    'auth_time',
    'amr',
    'email',
    'dlv',
  ]
  for (const name of [...named, 'client_id', 'scope', 'cnf', 'act', 'nonce', 'events', '__proto__']) {
    assert.throws(() => assertNoReservedClaims(JSON.parse(`{"plan":1,"${name}":1}`)), {
      name: 'TypeError',
      message: new RegExp(`\`${name}\``),
    })
  }
})
