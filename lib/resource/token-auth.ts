import type { VerifiedAccessToken } from '../features/tokens/access-tokens.js'

/**
 * Who is asking, as the access token says it: true when the token was made, and for as long as it lives. Role, permissions
 * and the time of a second factor are never in a token, and that its session was revoked is not seen here.
 */
export interface TokenAuth {
  readonly kind: 'token'
  readonly userId: string
  readonly sessionId: string
  /** The organisation that was the session's active one; null without one. */
  readonly organizationId: string | null
  readonly email: string
  /** When the user last proved who they are. */
  readonly authTime: Date
  /** Authentication methods used (RFC 8176), e.g. `['pwd']`. */
  readonly amr: readonly string[]
  /** The OAuth client that the token was issued to; null for the user's own sessions. */
  readonly clientId: string | null
  /** Empty for the user's own sessions. */
  readonly scopes: readonly string[]
  /** Every claim, those of `accessTokenClaims` included. Frozen at every depth. */
  readonly claims: Readonly<Record<string, unknown>>
  /** End of the token. */
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
