import type { VerifiedAccessToken } from '../../features/tokens/access-tokens.js'

/** Why a verified token is not accepted as a bearer token. */
export type BearerProblem = 'cookie_only' | 'key_bound'

/**
 * Checks whether a token is a plain bearer token. A token of a cookie is valid only in that cookie, with its CSRF token. A token
 * that is bound to a key (RFC 9449 section 7.1) needs a proof of the key, which this package cannot verify yet.
 */
export function bearerProblem({ dlv, cnf }: VerifiedAccessToken): BearerProblem | null {
  if (dlv !== undefined) return 'cookie_only'
  return cnf === undefined ? null : 'key_bound'
}
