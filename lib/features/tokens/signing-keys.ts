import { createPrivateKey, createPublicKey, createSecretKey, type KeyObject } from 'node:crypto'
import { ConfigurationError } from '../../core/config/configuration-error.js'
import { checkSecret } from '../../core/config/secrets.js'
import { hmacSha256, sha256 } from '../../core/crypto/digest.js'
import { type PublishedJwk, publicJwks, rsaThumbprint } from '../../core/crypto/jwk-set.js'
import { rsaKeyProblem } from '../../core/crypto/rsa-key.js'

const variable = 'IDENTSPHERE_RSA_PRIVATE_KEY_PEM'
const fix = 'Generate one with `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048`.'

/** A key that verifies access tokens. The key decides the algorithm, not the token's `alg`. */
export interface SigningKey {
  readonly kid: string
  readonly algorithm: 'RS256' | 'HS256'
  /** Parsed once, because parsing a PEM for every token is seven times slower. */
  readonly verifyingKey: KeyObject
  /** Null if the key only verifies. */
  readonly signingKey: KeyObject | null
}

/** The signing keys of one issuer. */
export interface SigningKeys {
  /** The key that signs. */
  readonly active: SigningKey & { readonly signingKey: KeyObject }
  /** All keys that verify, including the active one. */
  readonly byKid: ReadonlyMap<string, SigningKey>
  /** The key set of the JWKS route. It never contains a symmetric key. */
  readonly publicJwks: { readonly keys: PublishedJwk[] }
}

/** A key in the host's options. */
export interface SigningKeyInput {
  /** PKCS#8 or PKCS#1 PEM. The first entry requires it. Of other entries only the public key is used. */
  privateKey?: string
  /** SPKI or PKCS#1 PEM. */
  publicKey?: string
  /** 1 to 128 visible ASCII characters. Default: the RFC 7638 thumbprint. */
  kid?: string
}

export interface SigningKeysInput {
  /** The first key signs, all keys verify. Publish a new key as a later entry before it becomes the first. */
  signingKeys: ReadonlyArray<SigningKeyInput>
  /** At least 32 bytes. It signs with HS256 if there is no RSA key. */
  jwtSecret: string | undefined
  /** True only in development. */
  allowHs256: boolean
}

/**
 * Parses and checks the keys.
 *
 * @throws ConfigurationError if a key is missing, unreadable, weak or a duplicate
 * @example
 * ```ts
 * const [current, previous] = parsePemBundle(process.env.IDENTSPHERE_RSA_PRIVATE_KEY_PEM)
 * loadSigningKeys({ signingKeys: [{ privateKey: current }, { publicKey: previous }], jwtSecret: undefined, allowHs256: false })
 * ```
 */
export function loadSigningKeys({ signingKeys, jwtSecret, allowHs256 }: SigningKeysInput): SigningKeys {
  const [first, ...others] = signingKeys
  if (first === undefined) return ring(sharedKey(jwtSecret, allowHs256), [])
  return ring(
    activeKey(first),
    others.map((entry, index) => verifyOnlyKey(entry, index + 1)),
  )
}

/**
 * Splits an environment variable into its PEM blocks (RFC 7468). A literal `\n` counts as a line break, because some platforms
 * store line breaks like that.
 *
 * @param setting name of the variable
 * @throws ConfigurationError if the text is not empty and contains no block, or an incomplete one
 */
export function parsePemBundle(text: string, setting = variable): string[] {
  const lines = text.replaceAll('\\r', '').replaceAll('\\n', '\n')
  const blocks = lines.match(pemBlock) ?? []
  const remainder = lines.replaceAll(pemBlock, '')
  if (remainder.includes('-----') || (blocks.length === 0 && remainder.trim() !== '')) {
    throw new ConfigurationError(setting, 'contains text that is not a complete PEM block', fix)
  }
  return blocks
}

const pemBlock = /-----BEGIN ([A-Z0-9 ]+)-----[^-]+-----END \1-----/g

function activeKey({ privateKey, publicKey, kid }: SigningKeyInput): SigningKeys['active'] {
  const setting = `signingKeys[0].privateKey (${variable})`
  if (privateKey === undefined) {
    throw new ConfigurationError(setting, 'is missing, but the first key has to sign', fix)
  }
  const signingKey = parse(setting, privateKey, createPrivateKey)
  const key = rsaKey(setting, createPublicKey(signingKey), kid)
  if (
    publicKey !== undefined &&
    !parse('signingKeys[0].publicKey', publicKey, createPublicKey).equals(key.verifyingKey)
  ) {
    throw new ConfigurationError('signingKeys[0].publicKey', 'does not belong to its private key', 'Remove it.')
  }
  return Object.freeze({ ...key, signingKey })
}

function verifyOnlyKey({ privateKey, publicKey, kid }: SigningKeyInput, index: number): SigningKey {
  const setting = `signingKeys[${index}].publicKey`
  const pem = publicKey ?? privateKey
  if (pem === undefined)
    throw new ConfigurationError(setting, 'is missing', 'Set it to the public key that verifies tokens.')
  return Object.freeze({ ...rsaKey(setting, parse(setting, pem, createPublicKey), kid), signingKey: null })
}

/** The message of OpenSSL is not part of the error, because it could contain the key. */
function parse(setting: string, pem: string, read: (pem: string) => KeyObject): KeyObject {
  try {
    return read(pem)
  } catch {
    throw new ConfigurationError(setting, 'is not a readable, unencrypted PEM key', fix)
  }
}

function rsaKey(setting: string, verifyingKey: KeyObject, kid: string | undefined) {
  const problem = rsaKeyProblem(verifyingKey)
  if (problem !== null) throw new ConfigurationError(setting, problem, fix)
  if (kid !== undefined && !/^[\x21-\x7e]{1,128}$/.test(kid)) {
    throw new ConfigurationError(setting, 'has a malformed kid', 'Use 1 to 128 visible ASCII characters, or none.')
  }
  return { kid: kid ?? rsaThumbprint(verifyingKey), algorithm: 'RS256' as const, verifyingKey }
}

function sharedKey(secret: string | undefined, allowed: boolean): SigningKeys['active'] {
  if (!allowed) throw new ConfigurationError(`signingKeys[0].privateKey (${variable})`, 'is missing', fix)
  if (secret === undefined) {
    throw new ConfigurationError('IDENTSPHERE_JWT_SECRET', 'is missing', `Set it, or set ${variable}.`)
  }
  checkSecret('IDENTSPHERE_JWT_SECRET', secret)
  const key = createSecretKey(secret, 'utf8')
  // Tokens show the kid, so it must not be a plain hash of the secret.
  const kid = `hs256-${sha256(hmacSha256(key, 'identsphere/v1/kid')).toString('base64url').slice(0, 16)}`
  return Object.freeze({ kid, algorithm: 'HS256', verifyingKey: key, signingKey: key })
}

function ring(active: SigningKeys['active'], others: readonly SigningKey[]): SigningKeys {
  const keys = [active, ...others]
  const byKid = new Map(keys.map((key) => [key.kid, key]))
  if (byKid.size !== keys.length) {
    throw new ConfigurationError('signingKeys', 'has the same kid twice', 'List each key once, with its own kid.')
  }
  return Object.freeze({ active, byKid, publicJwks: publicJwks(keys) })
}
