/** Tokens that nobody may accept, for whatever verifies access tokens: each differs from a good one in one thing. */
import { createHmac, generateKeyPairSync, sign } from 'node:crypto'
import type { Clock } from '../../lib/core/config/clock.js'
import { loadSigningKeys } from '../../lib/features/tokens/signing-keys.js'

export const now = 1_800_000_000
export const clock: Clock = { now: () => now * 1000, offsetSeconds: () => 0, wait: async () => {} }
export const [issuer, audience] = ['https://id.example.com', 'https://app.example.com']

export const pair = newPair()
const attacker = newPair()
export const keys = loadSigningKeys({
  signingKeys: [{ privateKey: pair.privateKey, kid: 'key-1' }],
  jwtSecret: undefined,
  allowHs256: false,
})
export const goodHeader = { alg: 'RS256', typ: 'at+jwt', kid: 'key-1' }
export const goodClaims = {
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

export function newPair() {
  return generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
}

export function encode(part: unknown): string {
  const text = typeof part === 'string' || Buffer.isBuffer(part) ? part : JSON.stringify(part)
  return Buffer.from(text as string).toString('base64url')
}

/** Signs anything with the real key, so that only the rule under test can refuse it. Strings are taken as they are. */
export function signed(header: unknown, payload: unknown, privateKey = pair.privateKey): string {
  const input = `${encode(header)}.${encode(payload)}`
  return `${input}.${sign('sha256', Buffer.from(input), privateKey).toString('base64url')}`
}

export function mac(header: unknown, payload: unknown, secret: string | Buffer): string {
  const input = `${encode(header)}.${encode(payload)}`
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
}

function without(name: string): Record<string, unknown> {
  return Object.fromEntries(Object.entries(goodClaims).filter(([key]) => key !== name))
}

/** A token, not always a text, and why it is refused. */
export interface Forgery {
  name: string
  reason: string
  token: unknown
}

type Refuses = (name: string, reason: string, token: unknown) => void

/** Every forgery, by the property that it would break. */
export const forgeries = new Map<string, Forgery[]>()

function group(property: string, fill: (refuses: Refuses) => void): void {
  const found: Forgery[] = []
  fill((name, reason, token) => found.push({ name, reason, token }))
  forgeries.set(property, found)
}

/** @see CVE-2026-34950, CVE-2026-44351 another algorithm than the key's */
group('the key decides the algorithm', (refuses) => {
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
})

/** @see CVE-2026-27962 the token's own key trusted; CVE-2026-35042 `crit` ignored */
group('the header brings neither a key nor a rule of its own', (refuses) => {
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

group('kid names one of our keys', (refuses) => {
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
group('a token of another purpose is no access token, though our key signed it', (refuses) => {
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
})

group('every claim that is relied on is there and of its type', (refuses) => {
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

group('only JSON as we write it is read, even under our own signature', (refuses) => {
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
group('a token has one spelling', (refuses) => {
  const token = signed(goodHeader, goodClaims)

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
  refuses('10 MB of dots', 'too_long', '.'.repeat(10_000_000))
  refuses('a token above 8 KiB', 'too_long', signed(goodHeader, { ...goodClaims, x: 'x'.repeat(6500) }))
  refuses('the empty string', 'malformed', '')
  refuses('two dots', 'malformed', '..')
  refuses('JSON serialization', 'malformed', JSON.stringify({ protected: header, payload, signature }))

  for (const value of [undefined, null, 1, [token], { token }, Buffer.from(token)]) {
    refuses(`a ${Object.prototype.toString.call(value)} in place of text`, 'malformed', value)
  }
})
