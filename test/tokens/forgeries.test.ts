import assert from 'node:assert/strict'
import { createHmac, generateKeyPairSync, sign } from 'node:crypto'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Clock } from '../../lib/config/clock.js'
import { loadSigningKeys } from '../../lib/config/signing-keys.js'
import { createAccessTokens } from '../../lib/tokens/access-tokens.js'

const now = 1_800_000_000
const clock: Clock = { now: () => now * 1000, offsetSeconds: () => 0, wait: async () => {} }
const [issuer, audience] = ['https://id.example.com', 'https://app.example.com']

const pair = newPair()
const attacker = newPair()
const keys = loadSigningKeys({
  signingKeys: [{ privateKey: pair.privateKey, kid: 'key-1' }],
  jwtSecret: undefined,
  allowHs256: false,
})
const tokens = createAccessTokens({ keys, issuer, audience, clock })

const goodHeader = { alg: 'RS256', typ: 'at+jwt', kid: 'key-1' }
const goodClaims = {
  sub: 'user-1',
  sid: 'session-1',
  epoch: 3,
  auth_time: now,
  amr: ['pwd'],
  email: 'ada@example.com',
  iss: issuer,
  aud: audience,
  iat: now,
  exp: now + 300,
  jti: 'token-1',
}

function newPair() {
  return generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
}

function encode(part: unknown): string {
  const text = typeof part === 'string' || Buffer.isBuffer(part) ? part : JSON.stringify(part)
  return Buffer.from(text as string).toString('base64url')
}

/** Signs anything with the real key, so that only the rule under test can refuse it. Strings are taken as they are. */
function signed(header: unknown, payload: unknown, privateKey = pair.privateKey): string {
  const input = `${encode(header)}.${encode(payload)}`
  return `${input}.${sign('sha256', Buffer.from(input), privateKey).toString('base64url')}`
}

function mac(header: unknown, payload: unknown, secret: string | Buffer): string {
  const input = `${encode(header)}.${encode(payload)}`
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
}

function outcome(token: unknown): string {
  const result = tokens.verify(token as string)
  return result.ok ? 'accepted' : result.reason
}

function without(name: string): Record<string, unknown> {
  return Object.fromEntries(Object.entries(goodClaims).filter(([key]) => key !== name))
}

function refuses(name: string, reason: string, token: unknown) {
  test(name, () => assert.equal(outcome(token), reason))
}

test('the token that every forgery starts from is accepted', () => {
  assert.equal(outcome(signed(goodHeader, goodClaims)), 'accepted')
})

/** @see CVE-2026-34950, CVE-2026-44351 another algorithm than the key's */
describe('the key decides the algorithm', () => {
  const unsigned = (alg: string) => `${encode({ ...goodHeader, alg })}.${encode(goodClaims)}`
  refuses('alg none without a signature part', 'malformed', `${unsigned('none')}.`)
  refuses(
    'alg none with the signature of the real key',
    'algorithm',
    signed({ ...goodHeader, alg: 'none' }, goodClaims),
  )
  refuses('alg NONE', 'algorithm', signed({ ...goodHeader, alg: 'NONE' }, goodClaims))
  refuses('alg RS256 without a signature part', 'malformed', `${unsigned('RS256')}.`)

  const hs256 = { ...goodHeader, alg: 'HS256' }
  const pem = pair.publicKey
  const jwk = JSON.stringify(keys.publicJwks.keys[0])
  refuses('HS256 keyed with the RSA public key', 'algorithm', mac(hs256, goodClaims, pem))
  refuses('HS256 keyed with the RSA public key after a blank', 'algorithm', mac(hs256, goodClaims, ` ${pem}`))
  refuses('HS256 keyed with the RSA public key after a line break', 'algorithm', mac(hs256, goodClaims, `\n${pem}`))
  refuses('HS256 keyed with the trimmed RSA public key', 'algorithm', mac(hs256, goodClaims, pem.trim()))
  refuses('HS256 keyed with the published JWK', 'algorithm', mac(hs256, goodClaims, jwk))
  refuses('HS256 keyed with the empty secret', 'algorithm', mac(hs256, goodClaims, ''))
  refuses('RS256 with an HMAC over the public key as signature', 'signature', mac(goodHeader, goodClaims, pem))

  for (const alg of ['rs256', 'RS384', 'RS512', 'PS256', 'ES256', '', undefined, null, 256, ['RS256'], {}]) {
    refuses(`alg ${JSON.stringify(alg)}`, 'algorithm', signed({ ...goodHeader, alg }, goodClaims))
  }

  test('a shared key accepts neither RS256 nor the empty secret', () => {
    const shared = loadSigningKeys({ signingKeys: [], jwtSecret: 'k7Qw0eZr5Tt9Yu3Ii1Oo8Pp2Aa6Ss4Dd', allowHs256: true })
    const { verify } = createAccessTokens({ keys: shared, issuer, audience, clock })
    const header = { alg: 'HS256', typ: 'at+jwt', kid: shared.active.kid }
    assert.deepEqual(verify(mac(header, goodClaims, '')), { ok: false, reason: 'signature' })
    assert.deepEqual(verify(signed({ ...header, alg: 'RS256' }, goodClaims)), { ok: false, reason: 'algorithm' })
  })
})

/** @see CVE-2026-27962 the token's own key trusted; CVE-2026-35042 `crit` ignored */
describe('the header brings neither a key nor a rule of its own', () => {
  const own = { kty: 'RSA', n: keys.publicJwks.keys[0]?.n, e: 'AQAB' }
  for (const [name, value] of Object.entries({
    jwk: own,
    jku: 'https://attacker.example/jwks.json',
    x5u: 'https://attacker.example/cert.pem',
    x5c: ['MIIB'],
    x5t: 'AAAA',
    'x5t#S256': 'AAAA',
    crit: ['exp'],
    b64: false,
    zip: 'DEF',
    cty: 'JWT',
    constructor: 1,
  })) {
    refuses(`${name} from us`, 'header_member', signed({ ...goodHeader, [name]: value }, goodClaims))
    const stolen = signed({ ...goodHeader, [name]: value }, goodClaims, attacker.privateKey)
    refuses(`${name} from an attacker`, 'header_member', stolen)
  }
  refuses('crit that is empty', 'header_member', signed({ ...goodHeader, crit: [] }, goodClaims))
  refuses('crit that is null', 'header_member', signed({ ...goodHeader, crit: null }, goodClaims))
  const proto = '{"alg":"RS256","typ":"at+jwt","kid":"key-1","__proto__":{"crit":[]}}'
  refuses('__proto__', 'header_member', signed(proto, goodClaims))
  refuses('a key that is not ours', 'signature', signed(goodHeader, goodClaims, attacker.privateKey))
})

describe('kid names one of our keys', () => {
  const odd = [
    '',
    'key-2',
    'KEY-1',
    '../../key-1',
    '/dev/null',
    '__proto__',
    'constructor',
    "' OR '1'='1",
    undefined,
    null,
  ]
  for (const kid of [...odd, 1, true, ['key-1'], { kid: 'key-1' }, { toString: 'key-1' }]) {
    refuses(`kid ${JSON.stringify(kid)}`, 'unknown_key', signed({ ...goodHeader, kid }, goodClaims))
  }
})

/** @see CVE-2023-48309 a token of another purpose accepted */
describe('a token of another purpose is no access token, though our key signed it', () => {
  const types = ['JWT', 'id_token', 'logout+jwt', 'dpop+jwt', 'secevent+jwt', 'token-introspection+jwt', 'mfa+jwt']
  for (const typ of [
    ...types,
    'oauth-authz-req+jwt',
    'at+jwt ',
    'at+jwt; a=b',
    'text/at+jwt',
    '',
    undefined,
    null,
    ['at+jwt'],
  ]) {
    refuses(`typ ${JSON.stringify(typ)}`, 'type', signed({ ...goodHeader, typ }, goodClaims))
  }
  const idToken = { iss: issuer, aud: 'client-1', sub: 'user-1', iat: now, exp: now + 300, nonce: 'n' }
  refuses('an ID token', 'type', signed({ alg: 'RS256', kid: 'key-1', typ: 'JWT' }, idToken))
  refuses('an ID token without typ', 'type', signed({ alg: 'RS256', kid: 'key-1' }, idToken))
  const events = { 'http://schemas.openid.net/event/backchannel-logout': {} }
  refuses('a logout token', 'type', signed({ ...goodHeader, typ: 'logout+jwt' }, { ...goodClaims, events }))
  refuses('an ID token relabelled as access token', 'audience', signed(goodHeader, idToken))

  for (const typ of ['AT+JWT', 'application/at+jwt', 'Application/At+Jwt']) {
    test(`typ ${typ} is the same media type`, () => {
      assert.equal(outcome(signed({ ...goodHeader, typ }, goodClaims)), 'accepted')
    })
  }
})

describe('every claim that is relied on is there and of its type', () => {
  const wrong: Array<[string, string, unknown[]]> = [
    ['iss', 'issuer', [undefined, null, '', `${issuer}/`, issuer.toUpperCase(), [issuer], 'https://evil.example']],
    ['aud', 'audience', [undefined, null, '', `${audience}/`, [audience], [audience, 'x'], { 0: audience }]],
    ['exp', 'claims', [undefined, null, '', String(now + 300), Number.MAX_VALUE, now + 0.5, -1, true, [now + 300]]],
    ['iat', 'claims', [undefined, null, String(now), -1, 1.5]],
    ['sub', 'claims', [undefined, null, '', 1, ['user-1'], {}]],
    ['sid', 'claims', [undefined, null, '', 1, ['session-1']]],
    ['jti', 'claims', [undefined, null, '', 1]],
    ['email', 'claims', [undefined, null, '', 1]],
    ['epoch', 'claims', [undefined, null, '3', -1, 0.5, true]],
    ['auth_time', 'claims', [undefined, null, String(now), -1]],
    ['amr', 'claims', [undefined, null, 'pwd', [1], [''], { 0: 'pwd', length: 1 }]],
    ['org', 'claims', [null, '', 1, ['org']]],
    ['dlv', 'claims', [null, '', 'header', ['cookie'], true]],
    ['client_id', 'claims', [null, '', 1, ['client']]],
    ['scope', 'claims', [null, 1, ['read']]],
    ['cnf', 'claims', [null, 'x', {}, { jkt: 1 }, { jkt: '' }, { 'x5t#S256': 'x' }]],
    ['nbf', 'claims', [null, '1', -1, 0.5]],
  ]
  for (const [name, reason, values] of wrong) {
    for (const value of values) {
      const given = value === undefined ? without(name) : { ...goodClaims, [name]: value }
      const title = `${name} ${value === undefined ? 'missing' : JSON.stringify(value)}`
      refuses(title, reason, signed(goodHeader, given))
    }
  }
  refuses('exp in the past', 'expired', signed(goodHeader, { ...goodClaims, exp: now }))
  refuses('iat in the future', 'not_yet_valid', signed(goodHeader, { ...goodClaims, iat: now + 6 }))
  refuses('nbf in the future', 'not_yet_valid', signed(goodHeader, { ...goodClaims, nbf: now + 6 }))
})

describe('only JSON as we write it is read, even under our own signature', () => {
  const text = JSON.stringify(goodClaims)
  const header = JSON.stringify(goodHeader)
  refuses('a claim given twice', 'claims', signed(goodHeader, `{"sub":"admin",${text.slice(1)}`))
  refuses('a nested member given twice', 'claims', signed(goodHeader, `${text.slice(0, -1)},"x":{"a":1,"a":2}}`))
  refuses('a header member given twice', 'malformed', signed(`{"alg":"none",${header.slice(1)}`, goodClaims))
  refuses('an escaped second name', 'malformed', signed(`{"\\u0061lg":"none",${header.slice(1)}`, goodClaims))
  refuses('white space', 'claims', signed(goodHeader, ` ${text}`))
  refuses('a byte-order mark', 'claims', signed(goodHeader, `\ufeff${text}`))
  refuses('bytes that are not UTF-8', 'claims', signed(goodHeader, Buffer.concat([Buffer.from(text), Buffer.of(0xff)])))
  const latin1 = Buffer.from(text.replace('ada@', 'ad\u00e4@'), 'latin1')
  refuses('Latin-1 inside a claim', 'claims', signed(goodHeader, latin1))
  for (const payload of ['[]', 'null', '1', '"x"', 'true', 'x', `[${text}]`]) {
    refuses(`payload ${payload.slice(0, 20)}`, 'claims', signed(goodHeader, payload))
    refuses(`header ${payload.slice(0, 20)}`, 'malformed', signed(payload, goodClaims))
  }
  refuses('a header nested 2000 deep', 'malformed', signed('['.repeat(2000) + ']'.repeat(2000), goodClaims))
})

/** @see CVE-2026-27840, CVE-2026-35039 a re-encoded token that dodges revocation or a replay cache */
describe('a token has one spelling', () => {
  const token = signed(goodHeader, goodClaims)
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

  test('none of the 15 other last characters with the same bytes is accepted', () => {
    const bytes = Buffer.from(token.split('.')[2] as string, 'base64url')
    const others = [...alphabet].map((letter) => token.slice(0, -1) + letter).filter((other) => other !== token)
    const same = others.filter((other) => Buffer.from(other.split('.')[2] as string, 'base64url').equals(bytes))
    assert.equal(same.length, 15)
    assert.equal(outcome(token), 'accepted')
    for (const other of same) assert.equal(outcome(other), 'malformed')
  })

  const [header = '', payload = '', signature = ''] = token.split('.')
  for (const [name, extra] of Object.entries({
    'padding =': '=',
    'padding ==': '==',
    'a blank': ' ',
    'a line feed': '\n',
    'a carriage return': '\r\n',
    'a tab': '\t',
    'a no-break space': '\u00a0',
    'a NUL': '\0',
    'a dot': '.',
    'a further part': '.AAAA',
  })) {
    refuses(`${name} at the end`, 'malformed', token + extra)
    refuses(`${name} at the start`, 'malformed', extra + token)
    refuses(`${name} after the header`, 'malformed', `${header}${extra}.${payload}.${signature}`)
    refuses(`${name} after the payload`, 'malformed', `${header}.${payload}${extra}.${signature}`)
    refuses(
      `${name} inside the signature`,
      'malformed',
      `${header}.${payload}.${signature.slice(0, 9)}${extra}${signature.slice(9)}`,
    )
  }
  const urlUnsafe = `${header}.${payload}.${Buffer.from(signature, 'base64url').toString('base64').replaceAll('=', '')}`
  refuses('the other base64 alphabet', 'malformed', urlUnsafe === token ? '+' : urlUnsafe)
  refuses('two parts', 'malformed', `${header}.${payload}`)
  refuses('no payload', 'malformed', `${header}..${signature}`)
  refuses('no header', 'malformed', `.${payload}.${signature}`)
  refuses('the empty string', 'malformed', '')
  refuses('two dots', 'malformed', '..')
  refuses('JSON serialization', 'malformed', JSON.stringify({ protected: header, payload, signature }))

  for (const value of [undefined, null, 1, [token], { token }, Buffer.from(token)]) {
    refuses(`a ${Object.prototype.toString.call(value)} in place of text`, 'malformed', value)
  }

  test('a token above 8 KiB is refused before anything of it is decoded', () => {
    assert.equal(outcome(signed(goodHeader, { ...goodClaims, x: 'x'.repeat(6500) })), 'too_long')
    assert.equal(outcome('.'.repeat(10_000_000)), 'too_long')
  })
})

describe('whatever is sent', () => {
  const token = signed(goodHeader, goodClaims)

  test('no change of a valid token verifies, not even while the valid one is remembered', () => {
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

  test('no single base64url character can be another one', () => {
    fc.assert(
      fc.property(fc.nat({ max: token.length - 1 }), fc.constantFrom(...'AZaz09-_'), (place, letter) => {
        fc.pre(token[place] !== letter)
        return outcome(token.slice(0, place) + letter + token.slice(place + 1)) !== 'accepted'
      }),
      { numRuns: 2000 },
    )
  })

  test('random text is refused and nothing throws', () => {
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

  test('random headers and claims under our own signature never throw', () => {
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
