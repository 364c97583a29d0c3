import type { JsonObject } from './json-object.js'

/** What an access token says. Role, permissions and the time of the second factor are never in it: those are read live. */
export type AccessTokenClaims = {
  /** User id. */
  sub: string
  /** Session id. */
  sid: string
  /** Active organisation. */
  org?: string
  /** The user's security version when the token was minted. */
  epoch: number
  /** When the user last signed in, in seconds since the Unix epoch. */
  auth_time: number
  /** How, as RFC 8176 values. */
  amr: string[]
  email: string
  /** Minted for the cookie, and refused in `Authorization`. */
  dlv?: 'cookie'
  /** OAuth client that the token was issued to. */
  client_id?: string
  /** Space-separated scopes. */
  scope?: string
  /** RFC 9449 section 6.1: thumbprint of the DPoP key that the token is bound to. */
  cnf?: { jkt: string }
} & Record<string, unknown>

/** The claims of a verified token, frozen at every depth. Times are in seconds since the Unix epoch. */
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

// A restriction that cannot be read must not read as no restriction.
const optional: Readonly<Record<string, (value: unknown) => boolean>> = {
  org: isText,
  dlv: (value) => value === 'cookie',
  client_id: isText,
  scope: (value) => typeof value === 'string',
  cnf: (value) => typeof value === 'object' && value !== null && 'jkt' in value && isText(value.jkt),
  nbf: isWhole,
}

/** Whether every claim that we rely on is there and of the type that RFC 9068 section 2.2 and we give it. */
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
