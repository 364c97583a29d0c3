import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { createAccessTokens } from '../../../lib/features/tokens/access-tokens.js'
import { loadSigningKeys } from '../../../lib/features/tokens/signing-keys.js'
import {
  audience,
  clock,
  encode,
  forgeries,
  goodClaims,
  goodHeader,
  issuer,
  keys,
  mac,
  now,
  signed,
} from '../../support/forgeries.js'

const tokens = createAccessTokens({ keys, issuer, audience, clock })

function outcome(token: unknown): string {
  const result = tokens.verify(token as string)
  return result.ok ? 'accepted' : result.reason
}

test('accepts the token that every forgery starts from', () => {
  assert.equal(outcome(signed(goodHeader, goodClaims)), 'accepted')
})

for (const [property, list] of forgeries) {
  describe(property, () => {
    for (const { name, reason, token } of list) test(`rejects ${name}`, () => assert.equal(outcome(token), reason))
  })
}

test('rejects RS256 and the empty secret for a shared key', () => {
  const shared = loadSigningKeys({ signingKeys: [], jwtSecret: 'k7Qw0eZr5Tt9Yu3Ii1Oo8Pp2Aa6Ss4Dd', allowHs256: true })
  const { verify } = createAccessTokens({ keys: shared, issuer, audience, clock })
  const header = { alg: 'HS256', typ: 'at+jwt', kid: shared.active.kid }
  assert.deepEqual(verify(mac(header, goodClaims, '')), { ok: false, reason: 'signature' })
  assert.deepEqual(verify(signed({ ...header, alg: 'RS256' }, goodClaims)), { ok: false, reason: 'algorithm' })
})

for (const typ of ['AT+JWT', 'application/at+jwt', 'Application/At+Jwt']) {
  test(`accepts typ ${typ} as the same media type`, () => {
    assert.equal(outcome(signed({ ...goodHeader, typ }, goodClaims)), 'accepted')
  })
}

/** @see CVE-2026-27840, CVE-2026-35039: a re-encoded token evades revocation or a replay cache */
test('rejects the 15 other last characters that decode to the same bytes', () => {
  const token = signed(goodHeader, goodClaims)
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const bytes = Buffer.from(token.split('.')[2] as string, 'base64url')
  const others = [...alphabet].map((letter) => token.slice(0, -1) + letter).filter((other) => other !== token)
  const same = others.filter((other) => Buffer.from(other.split('.')[2] as string, 'base64url').equals(bytes))
  assert.equal(same.length, 15)
  assert.equal(outcome(token), 'accepted')
  for (const other of same) assert.equal(outcome(other), 'malformed')
})

describe('an arbitrary token', () => {
  const token = signed(goodHeader, goodClaims)

  test('never verifies as a change of a valid token, even a remembered one', () => {
    assert.equal(outcome(token), 'accepted')
    const place = fc.nat({ max: token.length })
    const change = fc.record({
      place,
      remove: fc.nat({ max: 3 }),
      insert: fc.string({ maxLength: 3, unit: 'binary-ascii' }),
    })
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
        let changed = token
        for (const { place, remove, insert } of changes) {
          changed = changed.slice(0, place) + insert + changed.slice(place + remove)
        }
        fc.pre(changed !== token)
        return outcome(changed) !== 'accepted'
      }),
      { numRuns: 3000 },
    )
  })

  test('never verifies with one base64url character replaced', () => {
    fc.assert(
      fc.property(fc.nat({ max: token.length - 1 }), fc.constantFrom(...'AZaz09-_'), (place, letter) => {
        fc.pre(token[place] !== letter)
        return outcome(token.slice(0, place) + letter + token.slice(place + 1)) !== 'accepted'
      }),
      { numRuns: 2000 },
    )
  })

  test('is rejected without an exception if it is random text', () => {
    const part = fc.oneof(fc.string({ unit: 'binary' }), fc.json().map(encode), fc.constant(encode(goodHeader)))
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(part, { maxLength: 5 }).map((parts) => parts.join('.')),
    )
    fc.assert(
      fc.property(text, (value) => outcome(value) !== 'accepted'),
      { numRuns: 3000 },
    )
  })

  test('never throws, even with random content under our own signature', () => {
    const header = fc.oneof(fc.json(), fc.dictionary(fc.constantFrom('alg', 'typ', 'kid', 'crit'), fc.jsonValue()))
    const payload = fc.oneof(
      fc.json(),
      fc
        .dictionary(fc.constantFrom(...Object.keys(goodClaims)), fc.jsonValue())
        .map((some) => ({ ...goodClaims, ...some })),
    )
    fc.assert(
      fc.property(fc.oneof(header, fc.constant(goodHeader)), payload, (head, body) => {
        const result = tokens.verify(signed(head, body))
        return !result.ok || (result.claims.iss === issuer && result.claims.aud === audience && result.claims.exp > now)
      }),
      { numRuns: 300 },
    )
  })
})
