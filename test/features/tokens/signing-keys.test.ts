import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { calculateJwkThumbprint } from 'jose'
import { ConfigurationError } from '../../../lib/core/config/configuration-error.js'
import { publicJwks } from '../../../lib/core/crypto/jwk-set.js'
import { loadSigningKeys, parsePemBundle, type SigningKeyInput } from '../../../lib/features/tokens/signing-keys.js'

const publicKeyEncoding = { type: 'spki', format: 'pem' } as const
const privateKeyEncoding = { type: 'pkcs8', format: 'pem' } as const

function rsaPair(modulusLength = 2048, publicExponent = 65537) {
  return generateKeyPairSync('rsa', { modulusLength, publicExponent, publicKeyEncoding, privateKeyEncoding })
}

const first = rsaPair()
const second = rsaPair()
const secret = 'k7Qw0eZr5Tt9Yu3Ii1Oo8Pp2Aa6Ss4Dd'

function load(...signingKeys: SigningKeyInput[]) {
  return loadSigningKeys({ signingKeys, jwtSecret: undefined, allowHs256: false })
}

function refuses(setting: RegExp, text: RegExp, action: () => unknown) {
  assert.throws(action, (error) => {
    assert.ok(error instanceof ConfigurationError)
    assert.match(error.setting, setting)
    assert.match(error.message, text)
    assert.doesNotMatch(error.message, /BEGIN|MII/, 'the message contains no key')
    return true
  })
}

test('uses the first key to sign and all keys to verify', () => {
  const keys = load({ privateKey: first.privateKey, kid: 'new' }, { publicKey: second.publicKey, kid: 'old' })
  assert.equal(keys.active.kid, 'new')
  assert.equal(keys.active.signingKey.type, 'private')
  assert.deepEqual([...keys.byKid.keys()], ['new', 'old'])
  assert.equal(keys.byKid.get('old')?.signingKey, null)
})

test('keeps no private half of a key that only verifies', () => {
  const keys = load(
    { privateKey: first.privateKey },
    { privateKey: second.privateKey, kid: 'a' },
    { publicKey: rsaPair().privateKey, kid: 'b' },
  )
  for (const kid of ['a', 'b']) {
    assert.equal(keys.byKid.get(kid)?.signingKey, null)
    assert.equal(keys.byKid.get(kid)?.verifyingKey.type, 'public')
  }
})

test('uses the RFC 7638 thumbprint as the default kid', async () => {
  const keys = load({ privateKey: first.privateKey })
  const [jwk] = keys.publicJwks.keys
  assert.equal(keys.active.kid, await calculateJwkThumbprint({ kty: 'RSA', n: String(jwk?.n), e: String(jwk?.e) }))
})

test('publishes public members only', () => {
  const keys = load({ privateKey: first.privateKey }, { privateKey: second.privateKey })
  assert.equal(keys.publicJwks.keys.length, 2)
  for (const jwk of keys.publicJwks.keys) {
    assert.deepEqual(Object.keys(jwk).sort(), ['alg', 'e', 'kid', 'kty', 'n', 'use'])
    assert.equal(jwk.alg, 'RS256')
    assert.equal(jwk.use, 'sig')
  }
})

test('rejects a first key without a private half', () => {
  const names = /signingKeys\[0\]\.privateKey.*IDENTSPHERE_RSA_PRIVATE_KEY_PEM/
  refuses(names, /is missing.*openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048/, () => {
    load({ publicKey: first.publicKey })
  })
  refuses(names, /not a readable/, () => load({ privateKey: first.publicKey }))
})

test('rejects RSA keys below 2048 bits, for signing and for verifying', () => {
  const short = rsaPair(2040)
  refuses(/^signingKeys\[0\]\.privateKey/, /2040 bits.*openssl genpkey/, () => load({ privateKey: short.privateKey }))
  refuses(/^signingKeys\[1\]\.publicKey/, /2040 bits/, () => {
    load({ privateKey: first.privateKey }, { publicKey: short.publicKey })
  })
})

test('rejects other kinds of keys and small exponents', () => {
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256', publicKeyEncoding, privateKeyEncoding })
  refuses(/^signingKeys\[0\]/, /not an RSA key/, () => load({ privateKey: ec.privateKey }))
  const pss = generateKeyPairSync('rsa-pss', { modulusLength: 2048, publicKeyEncoding, privateKeyEncoding })
  refuses(/^signingKeys\[0\]/, /not an RSA key/, () => load({ privateKey: pss.privateKey }))
  refuses(/^signingKeys\[0\]/, /exponent 3/, () => load({ privateKey: rsaPair(2048, 3).privateKey }))
})

test('names unreadable and missing keys by their position', () => {
  refuses(/^signingKeys\[0\]\.privateKey/, /not a readable/, () => load({ privateKey: 'no key' }))
  refuses(/^signingKeys\[1\]\.publicKey/, /is missing/, () => load({ privateKey: first.privateKey }, {}))
  refuses(/^signingKeys\[0\]\.publicKey/, /does not belong/, () => {
    load({ privateKey: first.privateKey, publicKey: second.publicKey })
  })
})

test('accepts a kid once and in visible ASCII only', () => {
  refuses(/^signingKeys$/, /the same kid twice/, () => {
    load({ privateKey: first.privateKey, kid: 'a' }, { publicKey: second.publicKey, kid: 'a' })
  })
  refuses(/^signingKeys$/, /the same kid twice/, () => {
    load({ privateKey: first.privateKey }, { publicKey: first.publicKey })
  })
  for (const kid of ['', 'ü', 'a b', 'a\n', 'x'.repeat(129)]) {
    refuses(/^signingKeys\[0\]/, /malformed kid/, () => load({ privateKey: first.privateKey, kid }))
  }
})

test('requires RSA keys, or in development a secret of 32 bytes', () => {
  const hs256 = (jwtSecret: string | undefined, allowHs256: boolean) => () =>
    loadSigningKeys({ signingKeys: [], jwtSecret, allowHs256 })
  refuses(/IDENTSPHERE_RSA_PRIVATE_KEY_PEM/, /is missing.*openssl genpkey/, hs256(secret, false))
  refuses(/IDENTSPHERE_JWT_SECRET/, /is missing/, hs256(undefined, true))
  for (const weak of ['', secret.slice(1)]) refuses(/IDENTSPHERE_JWT_SECRET/, /shorter than 32/, hs256(weak, true))
  assert.equal(hs256(secret, true)().active.algorithm, 'HS256')
})

test('prefers an RSA key to the secret, which then verifies nothing', () => {
  const keys = loadSigningKeys({ signingKeys: [{ privateKey: first.privateKey }], jwtSecret: secret, allowHs256: true })
  assert.deepEqual(
    [...keys.byKid.values()].map((key) => key.algorithm),
    ['RS256'],
  )
})

test('never publishes a shared secret, and keeps its kid across starts', () => {
  const load = () => loadSigningKeys({ signingKeys: [], jwtSecret: secret, allowHs256: true })
  assert.match(load().active.kid, /^hs256-[\w-]{16}$/)
  assert.equal(load().active.kid, load().active.kid)
  assert.deepEqual(load().publicJwks, { keys: [] })
  assert.deepEqual(publicJwks(load().byKid.values()), { keys: [] })
})

test('splits several PEM blocks in one variable, with real or literal line breaks', () => {
  const bundle = `${first.privateKey}\n${second.publicKey}`
  for (const text of [
    bundle,
    bundle.replaceAll('\n', '\\n'),
    bundle.replaceAll('\n', '\\r\\n'),
    `# two keys\n${bundle}`,
  ]) {
    const [privateKey = '', publicKey = '', ...others] = parsePemBundle(text)
    assert.deepEqual(others, [])
    assert.equal(load({ privateKey }, { publicKey }).byKid.size, 2)
  }
  assert.deepEqual(parsePemBundle(' \n'), [])
})

test('rejects a truncated PEM block instead of dropping it', () => {
  const cut = second.publicKey.slice(0, 200)
  for (const text of [cut, `${first.privateKey}${cut}`, `${cut}${first.privateKey}`, './keys/private.pem']) {
    refuses(/IDENTSPHERE_RSA_PRIVATE_KEY_PEM/, /not a complete PEM block/, () => parsePemBundle(text))
    refuses(/^OTHER_KEYS$/, /not a complete PEM block/, () => parsePemBundle(text, 'OTHER_KEYS'))
  }
})
