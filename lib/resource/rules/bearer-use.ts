import type { VerifiedAccessToken } from '../../features/tokens/access-tokens.js'

/** Why a verified token is none that may be presented here as a bearer token. */
export type BearerProblem = 'cookie_only' | 'key_bound'

/**
 * Whether whoever holds the token may use it. One from a cookie works with that cookie and its CSRF token only, and one that
 * is bound to a key (RFC 9449 section 7.1) with a proof of that key, which nothing here can check yet.
 */
export function bearerProblem({ dlv, cnf }: VerifiedAccessToken): BearerProblem | null {
  if (dlv !== undefined) return 'cookie_only'
  return cnf === undefined ? null : 'key_bound'
}
