import jsonwebtoken from 'jsonwebtoken'
import { uuidv7 } from '../../core/crypto/random.js'
import type { AccessTokenClaims } from './rules/claim-shape.js'
import { maxTokenBytes } from './rules/compact-form.js'
import type { SigningKeys } from './signing-keys.js'
import { createVerifier, openAccessToken, refused, type VerifierOptions, type VerifyResult } from './verifier.js'

export type { AccessTokenClaims, VerifiedAccessToken } from './rules/claim-shape.js'
export { assertNoReservedClaims } from './rules/reserved-claims.js'

export interface AccessTokenOptions extends VerifierOptions {
  /** Read for every token, so that a removed key is refused at once. */
  keys: SigningKeys
}

/** Signs and verifies the access tokens of one issuer and audience (RFC 9068). */
export interface AccessTokens {
  /**
   * @param lifetimeSeconds a whole number above 0
   * @returns a compact JWS of at most 8 KiB
   * @throws RangeError if the lifetime is invalid, or if the claims make the token too long
   */
  sign(claims: AccessTokenClaims, lifetimeSeconds: number): string
  /** Never throws. A valid token does not mean that the session is live: check the session for each request. */
  verify(token: string): VerifyResult
  /** The same without checking the lifetime. For sign-out with an expired token. */
  verifyEvenExpired(token: string): VerifyResult
}

/**
 * @example
 * ```ts
 * const tokens = createAccessTokens({ keys, issuer: 'https://id.example.com', audience: 'https://app.example.com', clock })
 * const result = tokens.verify(tokens.sign(claims, 300))
 * if (result.ok) result.claims.sub
 * ```
 */
export function createAccessTokens(options: AccessTokenOptions): AccessTokens {
  const { keys, issuer, audience, clock } = options
  const verifier = createVerifier(options)

  return {
    sign(claims, lifetimeSeconds) {
      if (!Number.isSafeInteger(lifetimeSeconds) || lifetimeSeconds <= 0) {
        throw new RangeError('the lifetime of an access token must be a whole number of seconds above 0')
      }
      const { kid, algorithm, signingKey } = keys.active
      const iat = Math.floor(clock.now() / 1000)
      const payload = { ...claims, iss: issuer, aud: audience, iat, exp: iat + lifetimeSeconds, jti: uuidv7() }
      const header = { alg: algorithm, typ: 'at+jwt', kid }
      const token = jsonwebtoken.sign(payload, signingKey, { algorithm, header })
      if (token.length > maxTokenBytes) {
        throw new RangeError(`the access token has ${token.length} bytes, the maximum is ${maxTokenBytes}`)
      }
      return token
    },

    verifyEvenExpired(token) {
      const opened = openAccessToken(token)
      return typeof opened === 'string'
        ? refused(opened)
        : verifier.verifyEvenExpired(opened, keys.byKid.get(opened.kid))
    },

    verify(token) {
      const cached = verifier.recall(token, keys.byKid)
      if (cached !== null) return cached
      const opened = openAccessToken(token)
      return typeof opened === 'string' ? refused(opened) : verifier.verify(opened, keys.byKid.get(opened.kid))
    },
  }
}
