/**
 * Project Wycheproof's vectors (C2SP, Apache-2.0) against the code that verifies every token. All vectors run. The
 * lists below name every vector with a different result, with the reason. A listed vector without a difference fails
 * too.
 */
import assert from 'node:assert/strict'
import { createPublicKey, createSecretKey, generateKeyPairSync, type JsonWebKey } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, test } from 'node:test'
import { ConfigurationError } from '../../../lib/core/config/configuration-error.js'
import { readSigned, signatureProblem } from '../../../lib/features/tokens/rules/signed-form.js'
import { loadSigningKeys, type SigningKey } from '../../../lib/features/tokens/signing-keys.js'

interface Vectors<Key> {
  numberOfTests: number
  testGroups: Array<{ comment: string; public?: Key; private?: Key; tests: Vector[] }>
}

interface Vector {
  tcId: number
  comment: string
  result: 'valid' | 'invalid'
  jws: unknown
}

/** Vectors of one kind with a different result here, by reason. */
type Differences = Record<string, number[]>

const folder = resolve(import.meta.dirname, '../../..', process.env.IDENTSPHERE_TEST_VECTORS ?? '../shared/vectors')
const present = existsSync(resolve(folder, 'wycheproof-json_web_signature_test.json'))
const required = process.env.IDENTSPHERE_REQUIRE_VECTORS === '1'
const skip =
  present || required ? false : `WYCHEPROOF VECTORS NOT RUN: nothing in ${folder}; set IDENTSPHERE_TEST_VECTORS`
if (skip !== false) console.warn(`\n*** ${skip} ***\n`)

function read<Key>(name: string): Vectors<Key> {
  return JSON.parse(readFileSync(resolve(folder, name), 'utf8'))
}

const own = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
}).privateKey

/** Loads a vector's keys like those of a host. Returns null if the configuration rejects them. */
function load(jwks: JsonWebKey[]): ReadonlyMap<string, SigningKey> | null {
  try {
    const shared = jwks.filter((jwk) => jwk.kty === 'oct')
    const pairs = jwks.filter((jwk) => jwk.kty !== 'oct')
    if (pairs.length === 0 && shared.length === 1) return loadShared(shared[0] as JsonWebKey)
    // The options allow one shared secret at most, and none beside RSA keys.
    if (shared.length > 1) return null
    const entries = pairs.map((jwk) => {
      const publicKey = createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' }) as string
      return { publicKey, kid: String(jwk.kid) }
    })
    return loadSigningKeys({
      signingKeys: [{ privateKey: own }, ...entries],
      jwtSecret: shared[0] && secretText(shared[0]),
      allowHs256: true,
    }).byKid
  } catch (error) {
    const byOpenSsl =
      error instanceof Error && 'code' in error && /^ERR_(CRYPTO|OSSL|INVALID_ARG)/.test(String(error.code))
    assert.ok(error instanceof ConfigurationError || byOpenSsl, `unexpected rejection: ${error}`)
    return null
  }
}

function loadShared(jwk: JsonWebKey): ReadonlyMap<string, SigningKey> | null {
  const jwtSecret = secretText(jwk)
  if (jwtSecret === undefined) return null
  const { active } = loadSigningKeys({ signingKeys: [], jwtSecret, allowHs256: true })
  return new Map([[String(jwk.kid), active]])
}

/** A secret is text from the environment. Bytes that are not UTF-8 cannot be configured. */
function secretText(jwk: JsonWebKey): string | undefined {
  const bytes = Buffer.from(String(jwk.k), 'base64url')
  const text = bytes.toString('utf8')
  return Buffer.from(text, 'utf8').equals(bytes) ? text : undefined
}

function accepts(key: SigningKey | undefined, jws: unknown): boolean {
  const form = readSigned(jws as string)
  return key !== undefined && typeof form === 'object' && signatureProblem(form, key) === null
}

function runAll<Key>(
  vectors: Vectors<Key>,
  decide: (keys: Key, jws: unknown) => boolean,
  stricter: Differences,
  laxer: Differences,
) {
  const differences: number[] = []
  let count = 0
  for (const { tests, ...group } of vectors.testGroups) {
    for (const { tcId, result, comment, jws } of tests) {
      const accepted = decide((group.public ?? group.private) as Key, jws)
      const ids = Object.values(accepted ? laxer : stricter).flat()
      const differs = accepted !== (result === 'valid')
      if (differs) differences.push(tcId)
      assert.ok(
        !differs || ids.includes(tcId),
        `${tcId} ${group.comment} ${comment} is ${result}; accepted: ${accepted}`,
      )
      count += 1
    }
  }
  const listed = [...Object.values(stricter), ...Object.values(laxer)].flat()
  assert.deepEqual(
    listed.toSorted((a, b) => a - b),
    differences,
    'every listed difference exists',
  )
  assert.equal(count, vectors.numberOfTests)
}

describe('the Wycheproof vectors', { skip }, () => {
  test('verify signatures as expected (json_web_signature)', () => {
    const stricter: Differences = {
      'RS256 and HS256 are all we sign with, so ES256 and ES521 are refused': [18, 347, 351, 378],
      'the same for RS384 and RS512': [264, 265, 266, 267, 268, 269, 270, 271],
      'the same for PS256': [272, 273, 274, 275, 287, 288, 346, 350],
      'the same for PS384 and PS512': [320, 321, 322, 323, 325, 326, 327, 328],
      'the payload is empty, and that of an access token is a JSON object': [259],
      'characters outside the base64url alphabet, which RFC 7515 section 2 does not let a verifier skip': [372, 373],
      'white space in the header: we read JSON only as we write it': [376, 377],
    }
    const laxer: Differences = {
      'the JWK is for encryption (`use`, `key_ops`); keys are configured as PEM, which cannot say so': [353, 355],
      'the JWK is pinned to PS512; a PEM names no algorithm, and we pin every RSA key to RS256': [332],
      'the padding they are named for is missing: they are vector 357, which is valid, byte for byte': [367, 370],
    }
    const decide = (jwk: JsonWebKey, jws: unknown) => {
      // These shared keys are bytes that are not text, so they replace a configured secret here.
      const verifyingKey = jwk.kty === 'oct' ? createSecretKey(String(jwk.k), 'base64url') : null
      if (verifyingKey === null) return accepts(load([jwk])?.get(String(jwk.kid)), jws)
      return accepts({ kid: String(jwk.kid), algorithm: 'HS256', verifyingKey, signingKey: null }, jws)
    }
    const vectors = read<JsonWebKey>('wycheproof-json_web_signature_test.json')
    runAll(vectors, decide, stricter, laxer)

    const jws = new Map(vectors.testGroups.flatMap(({ tests }) => tests).map((vector) => [vector.tcId, vector.jws]))
    for (const id of [367, 370]) assert.equal(jws.get(id), jws.get(357), 'the explanation above holds')
  })

  test('load keys as expected (json_web_key)', () => {
    const stricter: Differences = {
      'one shared secret at most can be configured, and this set has two': [2],
      'RS256 and HS256 are all we sign with, so HS384 and HS512 are refused': [14, 15],
    }
    const laxer: Differences = {
      'the JWK is for encryption (`use`); keys are configured as PEM, which cannot say so': [6],
    }
    const decide = ({ keys }: { keys: JsonWebKey[] }, jws: unknown) => {
      const header = JSON.parse(Buffer.from(String(jws).split('.')[0] as string, 'base64url').toString())
      return accepts(load(keys)?.get(header.kid), jws)
    }
    runAll(read<{ keys: JsonWebKey[] }>('wycheproof-json_web_key_test.json'), decide, stricter, laxer)
  })
})
