import type { JsonObject } from './json-object.js'

/**
 * Claims of an access token. Role, permissions and the time of the second factor are not in it. The session check reads them
 * from the database.
 */
export type AccessTokenClaims = {
  /** User id. */
  sub: string
  /** Session id. */
  sid: string
  /** Id of the active organization. */
  org?: string
  /** Security version of the user when the token was issued. */
  epoch: number
  /** When the user last authenticated, in seconds since the Unix epoch. */
  auth_time: number
  /** Authentication methods (RFC 8176). */
  amr: string[]
  email: string
  /** The token was issued for the cookie. It is refused in `Authorization`. */
  dlv?: 'cookie'
  /** OAuth client of the token. */
  client_id?: string
  /** Space-separated scopes. */
  scope?: string
  /** Thumbprint of the DPoP key that the token is bound to (RFC 9449 section 6.1). */
  cnf?: { jkt: string }
} & Record<string, unknown>

/** Claims of a verified token, deeply frozen. Times are in seconds since the Unix epoch. */
export type VerifiedAccessToken = Readonly<
  AccessTokenClaims & { iss: string; aud: string; iat: number; exp: number; jti: string }
>

const required: Readonly<Record<string, (value: unknown) => boolean>> = {
  sub: isText,
  sid: isText,
  epoch: isWhole,
  auth_time: isWhole,
  amr: (value) => Array.isArray(value) && value.every(isText),
  email: isText,
  iat: isWhole,
  exp: isWhole,
  jti: isText,
}

// These claims restrict a token. If one has the wrong type, the token is refused, not accepted without the restriction.
const optional: Readonly<Record<string, (value: unknown) => boolean>> = {
  org: isText,
  dlv: (value) => value === 'cookie',
  client_id: isText,
  scope: (value) => typeof value === 'string',
  cnf: (value) => typeof value === 'object' && value !== null && 'jkt' in value && isText(value.jkt),
  nbf: isWhole,
}

/** Whether all required claims are present, and all claims have their type (RFC 9068 section 2.2). */
export function hasClaimShape(claims: JsonObject): claims is VerifiedAccessToken {
  return (
    Object.entries(required).every(([name, accepts]) => accepts(claims[name])) &&
    Object.entries(optional).every(([name, accepts]) => claims[name] === undefined || accepts(claims[name]))
  )
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

function isWhole(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
