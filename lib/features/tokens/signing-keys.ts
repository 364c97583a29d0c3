import { createPrivateKey, createPublicKey, createSecretKey, type KeyObject } from 'node:crypto'
import { ConfigurationError } from '../../core/config/configuration-error.js'
import { checkSecret } from '../../core/config/secrets.js'
import { hmacSha256, sha256 } from '../../core/crypto/digest.js'
import { type PublishedJwk, publicJwks, rsaThumbprint } from '../../core/crypto/jwk-set.js'
import { rsaKeyProblem } from '../../core/crypto/rsa-key.js'

const variable = 'IDENTSPHERE_RSA_PRIVATE_KEY_PEM'
const fix = 'Generate one with `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048`.'

/** One key that access tokens are verified with. Its algorithm is pinned: a token's `alg` never chooses. */
export interface SigningKey {
  readonly kid: string
  readonly algorithm: 'RS256' | 'HS256'
  /** Parsed once: parsing a PEM for every token is seven times slower. */
  readonly verifyingKey: KeyObject
  /** Null where the key only verifies. */
  readonly signingKey: KeyObject | null
}

/** The ring of signing keys. Verifiers look a `kid` up for every token, so that a removed key stops at once. */
export interface SigningKeys {
  /** The key that signs. */
  readonly active: SigningKey & { readonly signingKey: KeyObject }
  /** Every key that verifies, the active one included. */
  readonly byKid: ReadonlyMap<string, SigningKey>
  /** What the JWKS route serves; never a shared key. */
  readonly publicJwks: { readonly keys: PublishedJwk[] }
}

/** A key as a host configures it. */
export interface SigningKeyInput {
  /** PKCS#8 or PKCS#1 PEM. The first entry needs one; of any other only the public half is used. */
  privateKey?: string
  /** SPKI or PKCS#1 PEM. */
  publicKey?: string
  /** 1 to 128 visible ASCII characters. Default: the RFC 7638 thumbprint. */
  kid?: string
}

/** What {@link loadSigningKeys} needs to know. */
export interface SigningKeysInput {
  /** The first signs, all verify. Publish a new key as a later entry before it becomes the first. */
  signingKeys: ReadonlyArray<SigningKeyInput>
  /** At least 32 bytes; signs with HS256 where there is no RSA key. */
  jwtSecret: string | undefined
  /** True in development only. */
  allowHs256: boolean
}

/**
 * Parses and checks the keys once, at the start.
 *
 * @throws ConfigurationError where a key is missing, unreadable, weak or named twice
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
 * Splits an environment variable into its PEM blocks (RFC 7468). Literal `\n`, as some platforms store line breaks, is
 * read as a line break.
 *
 * @param setting the variable that the text comes from
 * @throws ConfigurationError where the text holds something, but no block or an unfinished one
 */
export function parsePemBundle(text: string, setting = variable): string[] {
  const lines = text.replaceAll('\\r', '').replaceAll('\\n', '\n')
  const blocks = lines.match(pemBlock) ?? []
  const rest = lines.replaceAll(pemBlock, '')
  if (rest.includes('-----') || (blocks.length === 0 && rest.trim() !== '')) {
    throw new ConfigurationError(setting, 'holds something that is no complete PEM block', fix)
  }
  return blocks
}

const pemBlock = /-----BEGIN ([A-Z0-9 ]+)-----[^-]+-----END \1-----/g

function activeKey({ privateKey, publicKey, kid }: SigningKeyInput): SigningKeys['active'] {
  const setting = `signingKeys[0].privateKey (${variable})`
  if (privateKey === undefined) {
    throw new ConfigurationError(setting, 'is missing, and the first key is the one that signs', fix)
  }
  const signingKey = parse(setting, privateKey, createPrivateKey)
  const key = rsaKey(setting, createPublicKey(signingKey), kid)
  if (
    publicKey !== undefined &&
    !parse('signingKeys[0].publicKey', publicKey, createPublicKey).equals(key.verifyingKey)
  ) {
    throw new ConfigurationError('signingKeys[0].publicKey', 'does not belong to its private key', 'Leave it out.')
  }
  return Object.freeze({ ...key, signingKey })
}

function verifyOnlyKey({ privateKey, publicKey, kid }: SigningKeyInput, index: number): SigningKey {
  const setting = `signingKeys[${index}].publicKey`
  const pem = publicKey ?? privateKey
  if (pem === undefined) throw new ConfigurationError(setting, 'is missing', 'Give the key that is to verify.')
  return Object.freeze({ ...rsaKey(setting, parse(setting, pem, createPublicKey), kid), signingKey: null })
}

/** OpenSSL's own message is left out: it helps nobody, and a key must not reach a log through it. */
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
  // Every token shows its kid, so it must not be a hash of the secret that is of use anywhere else.
  const kid = `hs256-${sha256(hmacSha256(key, 'identsphere/v1/kid')).toString('base64url').slice(0, 16)}`
  return Object.freeze({ kid, algorithm: 'HS256', verifyingKey: key, signingKey: key })
}

function ring(active: SigningKeys['active'], others: readonly SigningKey[]): SigningKeys {
  const keys = [active, ...others]
  const byKid = new Map(keys.map((key) => [key.kid, key]))
  if (byKid.size !== keys.length) {
    throw new ConfigurationError('signingKeys', 'names one kid twice', 'List every key once, with its own kid.')
  }
  return Object.freeze({ active, byKid, publicJwks: publicJwks(keys) })
}
