import type { Clock } from '../../core/config/clock.js'
import { hasClaimShape } from './rules/claim-shape.js'
import { readJsonObject } from './rules/json-object.js'
import { lifetimeProblem } from './rules/lifetime.js'
import type { RefusalReason } from './rules/refusal.js'
import { readSigned, type SignedForm, signatureProblem } from './rules/signed-form.js'
import { isAccessTokenType } from './rules/token-type.js'
import type { SigningKey } from './signing-keys.js'
import { createVerifiedTokens, type Verified, type VerifiedEntry } from './verified-tokens.js'

/** Whose tokens are verified, and how. */
export interface VerifierOptions {
  issuer: string
  /** First-party and OAuth tokens have different ones. */
  audience: string
  clock: Clock
  /** How many verified tokens to remember. Default 10 000; 0 remembers none. */
  remember?: number
}

/** The outcome of verifying. `reason` is for the logger: clients learn only that they have to sign in. */
export type VerifyResult = Verified | { readonly ok: false; readonly reason: RefusalReason }

/** An access token that waits for the key it names. Nothing in it is to be believed yet. */
export interface OpenedToken {
  readonly form: SignedForm
  readonly kid: string
}

/**
 * The rules for access tokens (RFC 9068), for whoever has the keys: the house has them at hand, another service may have to
 * fetch them between {@link openAccessToken} and `verify()`.
 */
export interface TokenVerifier {
  /** What verifying this very text has led to before; null where it expired or its key left the ring. */
  recall(token: string, ring: ReadonlyMap<string, SigningKey>): Verified | null
  /** @param key the one that the ring has under the token's `kid`; undefined where it has none */
  verify(opened: OpenedToken, key: SigningKey | undefined): VerifyResult
  /** The same but for the lifetime, for what an expired token may still ask: to end its session. */
  verifyEvenExpired(opened: OpenedToken, key: SigningKey | undefined): VerifyResult
}

/** The rules that need no key. The purpose is among them: a token of another one is refused whoever signed it. */
export function openAccessToken(token: string): OpenedToken | RefusalReason {
  const form = readSigned(token)
  if (typeof form === 'string') return form
  const { typ, kid } = form.header
  if (!isAccessTokenType(typ)) return 'type'
  return typeof kid === 'string' ? { form, kid } : 'unknown_key'
}

/** What a refused token leads to. */
export function refused(reason: RefusalReason): VerifyResult {
  return { ok: false, reason }
}

export function createVerifier({ issuer, audience, clock, remember = 10_000 }: VerifierOptions): TokenVerifier {
  const verified = createVerifiedTokens(remember)
  const now = () => clock.now() / 1000

  /** In order. Nothing in the payload is looked at before the signature holds. */
  function check({ form }: OpenedToken, key: SigningKey | undefined): VerifiedEntry | RefusalReason {
    if (key === undefined) return 'unknown_key'
    const problem = signatureProblem(form, key)
    if (problem !== null) return problem

    const claims = readJsonObject(form.payload)
    if (claims === null) return 'claims'
    if (claims.iss !== issuer) return 'issuer'
    // We mint one string, so a list that also names us was minted by nobody we know.
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
