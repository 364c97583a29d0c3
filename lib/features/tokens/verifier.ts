import type { Clock } from '../../core/config/clock.js'
import { hasClaimShape } from './rules/claim-shape.js'
import { readJsonObject } from './rules/json-object.js'
import { lifetimeProblem } from './rules/lifetime.js'
import type { RefusalReason } from './rules/refusal.js'
import { readSigned, type SignedForm, signatureProblem } from './rules/signed-form.js'
import { isAccessTokenType } from './rules/token-type.js'
import type { SigningKey } from './signing-keys.js'
import { createVerifiedTokens, type Verified, type VerifiedEntry } from './verified-tokens.js'

export interface VerifierOptions {
  issuer: string
  /** First-party tokens and OAuth tokens have different audiences. */
  audience: string
  clock: Clock
  /** Number of verified tokens to cache. Default 10 000. 0 disables the cache. */
  remember?: number
}

/** `reason` is for the log. Clients learn only that they have to sign in. */
export type VerifyResult = Verified | { readonly ok: false; readonly reason: RefusalReason }

/** A decoded access token whose signature was not verified. Its content is not trustworthy. */
export interface OpenedToken {
  readonly form: SignedForm
  readonly kid: string
}

/**
 * The rules for access tokens (RFC 9068). The caller provides the key: a resource server may have to fetch it between
 * {@link openAccessToken} and `verify()`.
 */
export interface TokenVerifier {
  /** The cached result for this text, or null. Expired tokens and removed keys have no result. */
  recall(token: string, ring: ReadonlyMap<string, SigningKey>): Verified | null
  /** @param key the key with the token's `kid`, or undefined if there is none */
  verify(opened: OpenedToken, key: SigningKey | undefined): VerifyResult
  /** The same without checking the lifetime. For sign-out with an expired token. */
  verifyEvenExpired(opened: OpenedToken, key: SigningKey | undefined): VerifyResult
}

/** Applies the rules that need no key, including the type of the token. */
export function openAccessToken(token: string): OpenedToken | RefusalReason {
  const form = readSigned(token)
  if (typeof form === 'string') return form
  const { typ, kid } = form.header
  if (!isAccessTokenType(typ)) return 'type'
  return typeof kid === 'string' ? { form, kid } : 'unknown_key'
}

export function refused(reason: RefusalReason): VerifyResult {
  return { ok: false, reason }
}

export function createVerifier({ issuer, audience, clock, remember = 10_000 }: VerifierOptions): TokenVerifier {
  const verified = createVerifiedTokens(remember)
  const now = () => clock.now() / 1000

  /** The payload is read only after the signature was verified. */
  function check({ form }: OpenedToken, key: SigningKey | undefined): VerifiedEntry | RefusalReason {
    if (key === undefined) return 'unknown_key'
    const problem = signatureProblem(form, key)
    if (problem !== null) return problem

    const claims = readJsonObject(form.payload)
    if (claims === null) return 'claims'
    if (claims.iss !== issuer) return 'issuer'
    // We issue `aud` as one string. So a list that contains our audience is not from us.
    if (claims.aud !== audience) return 'audience'
    if (!hasClaimShape(claims)) return 'claims'
    return { result: Object.freeze({ ok: true, claims, kid: key.kid }), key }
  }

  return {
    recall: (token, ring) => verified.recall(token, now(), ring),

    verify(opened, key) {
      const entry = check(opened, key)
      if (typeof entry === 'string') return refused(entry)
      const problem = lifetimeProblem(entry.result.claims, now())
      if (problem !== null) return refused(problem)
      verified.remember(opened.form.text, entry)
      return entry.result
    },

    verifyEvenExpired(opened, key) {
      const entry = check(opened, key)
      return typeof entry === 'string' ? refused(entry) : entry.result
    },
  }
}
