import type { VerifiedAccessToken } from './claim-shape.js'

/** Allowed difference between clocks for `iat` and `nbf`. `exp` has no leeway. */
export const leewaySeconds = 5

/**
 * Checks the times of a token (RFC 7519 sections 4.1.4 to 4.1.6).
 *
 * @param now seconds since the Unix epoch
 */
export function lifetimeProblem(
  { iat, exp, nbf }: VerifiedAccessToken,
  now: number,
): 'expired' | 'not_yet_valid' | null {
  if (now >= exp) return 'expired'
  const starts = typeof nbf === 'number' ? Math.max(iat, nbf) : iat
  return starts > now + leewaySeconds ? 'not_yet_valid' : null
}
