import type { KeyObject } from 'node:crypto'
import { sha256 } from './digest.js'

export interface PublishableKey {
  readonly kid: string
  readonly algorithm: string
  readonly verifyingKey: KeyObject
}

/** A public RSA key in a JWK set (RFC 7517 section 4, RFC 7518 section 6.3.1). */
export interface PublishedJwk {
  readonly kty: string
  readonly n: string
  readonly e: string
  readonly kid: string
  readonly alg: string
  readonly use: 'sig'
}

/**
 * The JWK set for resource servers (RFC 7517 section 5). Each member is picked by name, so that private and symmetric keys are
 * never published.
 *
 * @example
 * ```ts
 * publicJwks([key]) // { keys: [{ kty: 'RSA', n: '…', e: 'AQAB', kid: '…', alg: 'RS256', use: 'sig' }] }
 * ```
 */
export function publicJwks(keys: Iterable<PublishableKey>): { keys: PublishedJwk[] } {
  const published = [...keys].filter(({ verifyingKey }) => verifyingKey.type === 'public')
  return {
    keys: published.map(({ kid, algorithm, verifyingKey }) => {
      const { kty, n, e } = verifyingKey.export({ format: 'jwk' })
      return { kty, n, e, kid, alg: algorithm, use: 'sig' } as PublishedJwk
    }),
  }
}

/**
 * The SHA-256 thumbprint of an RSA key over its required members in lexicographic order (RFC 7638 section 3).
 *
 * @returns 43 base64url characters
 */
export function rsaThumbprint(key: KeyObject): string {
  const { e, kty, n } = key.export({ format: 'jwk' })
  return sha256(JSON.stringify({ e, kty, n })).toString('base64url')
}
