import type { VerifiedAccessToken } from '../features/tokens/access-tokens.js'

/**
 * The caller according to the access token. The facts were true when the token was issued. Role, permissions and the time of a
 * second factor are not in tokens. A revoked session is not detected.
 */
export interface TokenAuth {
  readonly kind: 'token'
  readonly userId: string
  readonly sessionId: string
  /** Active organization of the session when the token was issued, or null. */
  readonly organizationId: string | null
  readonly email: string
  /** When the user last authenticated. */
  readonly authTime: Date
  /** Authentication methods (RFC 8176), e.g. `['pwd']`. */
  readonly amr: readonly string[]
  /** The OAuth client of the token, or null for the user's own sessions. */
  readonly clientId: string | null
  /** Empty for the user's own sessions. */
  readonly scopes: readonly string[]
  /** All claims, including those of `accessTokenClaims`. Deeply frozen. */
  readonly claims: Readonly<Record<string, unknown>>
  /** When the token expires. */
  readonly expiresAt: Date
}

export function toTokenAuth(claims: VerifiedAccessToken): TokenAuth {
  return Object.freeze({
    kind: 'token',
    userId: claims.sub,
    sessionId: claims.sid,
    organizationId: claims.org ?? null,
    email: claims.email,
    authTime: new Date(claims.auth_time * 1000),
    amr: claims.amr,
    clientId: claims.client_id ?? null,
    scopes: Object.freeze((claims.scope ?? '').split(' ').filter((scope) => scope !== '')),
    claims,
    expiresAt: new Date(claims.exp * 1000),
  })
}
