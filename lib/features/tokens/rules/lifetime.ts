import type { VerifiedAccessToken } from './claim-shape.js'

/** How far another node's clock may run ahead. An expiry is never extended. */
export const leewaySeconds = 5

/**
 * What is wrong with a token's times (RFC 7519 sections 4.1.4 to 4.1.6), or null.
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
