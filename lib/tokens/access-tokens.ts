import jsonwebtoken from 'jsonwebtoken'
import type { Clock } from '../config/clock.js'
import type { SigningKey, SigningKeys } from '../config/signing-keys.js'
import { uuidv7 } from '../crypto/random.js'
import { type AccessTokenClaims, hasClaimShape } from './rules/claim-shape.js'
import { maximumTokenLength } from './rules/compact-form.js'
import { type JsonObject, readJsonObject } from './rules/json-object.js'
import { lifetimeProblem } from './rules/lifetime.js'
import type { RefusalReason } from './rules/refusal.js'
import { openSigned } from './rules/signed-form.js'
import { isAccessTokenType } from './rules/token-type.js'
import { createVerifiedTokens, type Verified, type VerifiedEntry } from './verified-tokens.js'

export type { AccessTokenClaims, VerifiedAccessToken } from './rules/claim-shape.js'
export { assertNoReservedClaims } from './rules/reserved-claims.js'

/** What {@link createAccessTokens} needs. */
export interface AccessTokenOptions {
  /** Looked up for every token, so that a key taken out of the ring stops verifying at once. */
  keys: SigningKeys
  issuer: string
  /** First-party and OAuth tokens have different ones. */
  audience: string
  clock: Clock
  /** How many verified tokens to remember. Default 10 000; 0 remembers none. */
  remember?: number
}

/** The outcome of verifying. `reason` is for the logger: clients learn only that they have to sign in. */
type VerifyResult = Verified | { readonly ok: false; readonly reason: RefusalReason }

/** Mints and verifies the access tokens of one issuer and audience (RFC 9068). */
export interface AccessTokens {
  /**
   * @param lifetimeSeconds a whole number above 0
   * @returns a compact JWS of at most 8 KiB
   * @throws RangeError where the lifetime is not one, or the claims make the token too long
   */
  sign(claims: AccessTokenClaims, lifetimeSeconds: number): string
  /** Never throws. Says nothing about the session, which has to be checked each time. */
  verify(token: string): VerifyResult
  /** The same but for the lifetime, for what an expired token may still ask: to end its session. */
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
  const { keys, issuer, audience, clock, remember = 10_000 } = options
  const verified = createVerifiedTokens(remember)

  /** The purpose is decided before any key is: a token of another purpose is refused whoever signed it. */
  function keyFor({ typ, kid }: JsonObject): SigningKey | RefusalReason {
    if (!isAccessTokenType(typ)) return 'type'
    return (typeof kid === 'string' ? keys.byKid.get(kid) : undefined) ?? 'unknown_key'
  }

  /** The rules, in order. Nothing in the payload is looked at before the signature holds. */
  function check(token: string, now: number | 'ever'): VerifiedEntry | RefusalReason {
    const signed = openSigned(token, keyFor)
    if (typeof signed === 'string') return signed

    const claims = readJsonObject(signed.payload)
    if (claims === null) return 'claims'
    if (claims.iss !== issuer) return 'issuer'
    // We mint one string, so a list that also names us was minted by nobody we know.
    if (claims.aud !== audience) return 'audience'
    if (!hasClaimShape(claims)) return 'claims'

    const { key } = signed
    const problem = now === 'ever' ? null : lifetimeProblem(claims, now)
    return problem ?? { result: Object.freeze({ ok: true, claims, kid: key.kid }), key }
  }

  return {
    sign(claims, lifetimeSeconds) {
      if (!Number.isSafeInteger(lifetimeSeconds) || lifetimeSeconds <= 0) {
        throw new RangeError('the lifetime of an access token is a whole number of seconds above 0')
      }
      const { kid, algorithm, signingKey } = keys.active
      const iat = Math.floor(clock.now() / 1000)
      const payload = { ...claims, iss: issuer, aud: audience, iat, exp: iat + lifetimeSeconds, jti: uuidv7() }
      const header = { alg: algorithm, typ: 'at+jwt', kid }
      const token = jsonwebtoken.sign(payload, signingKey, { algorithm, header })
      if (token.length > maximumTokenLength) {
        throw new RangeError(`the access token would have ${token.length} bytes, and ${maximumTokenLength} is the most`)
      }
      return token
    },

    verifyEvenExpired(token) {
      const entry = check(token, 'ever')
      return typeof entry === 'string' ? { ok: false, reason: entry } : entry.result
    },

    verify(token) {
      const now = clock.now() / 1000
      const known = verified.recall(token, now, keys.byKid)
      if (known !== null) return known

      const entry = check(token, now)
      if (typeof entry === 'string') return { ok: false, reason: entry }
      verified.remember(token, entry)
      return entry.result
    },
  }
}
