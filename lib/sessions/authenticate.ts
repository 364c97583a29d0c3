import type { IncomingMessage } from 'node:http'
import type { Auth } from '../http/auth.js'
import { bearerToken, header } from '../http/context.js'
import type { CookieJar } from '../http/cookies.js'
import type { CsrfTokens } from '../http/csrf.js'
import { IdentSphereError } from '../http/errors.js'
import { isForeignRequest, isUnsafe } from '../http/origin.js'
import { perRequest } from '../http/per-request.js'
import { csrfTokenOf } from '../http/router.js'
import type { AccessTokenClaims, AccessTokens } from '../tokens/access-tokens.js'
import type { LiveSession, SessionCheck } from './check.js'
import type { LastSeen } from './last-seen.js'

/** What `authenticate()` reads of a request: the same for `IncomingMessage` and `Headers`. */
interface Credentials {
  authorization: string | null
  cookie: string | undefined
  method: string
  origin: string | undefined
  secFetchSite: string | undefined
  csrfToken: string | null
  /** The organisation that the client believes it acts in, or null where it does not say. */
  organizationId: string | null
}

/** Options of `identsphere.authenticate()`. */
export interface AuthenticateOptions {
  /** Method of the request where only `Headers` are given. Without it, cookies need CSRF proof. */
  method?: string
}

/** Establishes who is asking. Rejects where it cannot know, so that nobody is let through by accident. */
export type Authenticate = (source: IncomingMessage | Headers, options?: AuthenticateOptions) => Promise<Auth | null>

export function createAuthenticate(options: {
  accessTokens: AccessTokens
  check: SessionCheck
  cookies: CookieJar
  csrf: CsrfTokens
  lastSeen: LastSeen
  isOwnOrigin: (origin: string) => boolean
  permissionsOf: (role: string | null) => readonly string[]
  ready: () => Promise<void>
}): Authenticate {
  const { accessTokens, check, cookies, csrf, lastSeen } = options
  /** One look per request, shared by all guards in front of it. A method override in between asks anew: it may need CSRF proof. */
  const known = perRequest<{ method: string | undefined; answer: Promise<Auth | null> }>()

  /** The access token, and how it came. A present `Authorization` decides alone. */
  function findToken(credentials: Credentials): { token: string; delivery: 'cookie' | 'body' } | null {
    if (credentials.authorization !== null) {
      const token = bearerToken(credentials.authorization)
      return token === null ? null : { token, delivery: 'body' }
    }
    const token = cookies.read(credentials.cookie, 'at')
    return token === null ? null : { token, delivery: 'cookie' }
  }

  async function establish(credentials: Credentials): Promise<Auth | null> {
    const found = findToken(credentials)
    if (found === null) return null
    const verified = accessTokens.verify(found.token)
    if (!verified.ok) return null
    const { claims, kid } = verified
    // A token minted for the cookie works nowhere else, and none but those works there. An OAuth client's never works here.
    if (claims.client_id !== undefined) return null
    if ((claims.dlv === 'cookie' ? 'cookie' : 'body') !== found.delivery) return null
    await options.ready()
    const session = await check.read(claims.sid)
    if (session === null || !fits(claims, kid, session)) return null
    if (found.delivery === 'cookie') assertOwnRequest(credentials, session.id)
    const auth = toAuth(session, claims, found.delivery, options.permissionsOf(session.role))
    assertOrganization(credentials.organizationId, auth)
    if (session.seen_long_ago) lastSeen.touch(session.id)
    return auth
  }

  function assertOwnRequest(credentials: Credentials, sessionId: string): void {
    if (!isUnsafe(credentials.method)) return
    const foreign = isForeignRequest(credentials, options.isOwnOrigin)
    if (foreign || !csrf.matches(credentials.csrfToken, sessionId)) throw new IdentSphereError('csrf_failed')
  }

  return (source, { method } = {}) => {
    if (source instanceof Headers) return establish(fromHeaders(source, method))
    const before = known.get(source)
    if (before !== undefined && before.method === source.method) return before.answer
    const answer = establish(fromRequest(source))
    known.set(source, { method: source.method, answer })
    answer.catch(() => known.set(source, undefined))
    return answer
  }
}

/** A client that shows one organisation must not act in another, e.g. after a switch in a second tab. */
function assertOrganization(wanted: string | null, auth: Auth): void {
  if (wanted === null || wanted.toLowerCase() === auth.organizationId) return
  throw new IdentSphereError('conflict', { message: "Another organisation is this session's active one." })
}

/** The token's user and organisation must still be the session's, and its key must not have been revoked. */
function fits(claims: Readonly<AccessTokenClaims>, kid: string, session: LiveSession): boolean {
  if (claims.sub !== session.user_id || (claims.org ?? null) !== session.organization_id) return false
  if (claims.epoch > session.epoch) return false
  return !(session.revoked_kids ?? []).includes(kid)
}

function toAuth(
  session: LiveSession,
  claims: Readonly<AccessTokenClaims>,
  delivery: 'cookie' | 'body',
  permissions: readonly string[],
): Auth {
  // A step-up moves the epoch: a token from before it may have been stolen before it, and gains nothing by it.
  const current = claims.epoch === session.epoch
  return Object.freeze({
    kind: 'session',
    userId: session.user_id,
    email: session.email,
    emailVerified: session.email_verified_at !== null,
    displayName: session.display_name,
    // Without a membership row the organisation is no longer theirs to read, whatever the host asks of the role.
    organizationId: session.role === null ? null : session.organization_id,
    role: session.role,
    permissions,
    sessionId: session.id,
    authMethod: session.auth_method,
    amr: Object.freeze(session.amr),
    authTime: current ? session.auth_time : null,
    mfaVerifiedAt: current ? session.mfa_verified_at : null,
    isPlatformAdmin: session.is_platform_admin,
    impersonatorId: session.impersonator_id,
    sessionExpiresAt: session.expires_at,
    checkedAt: session.checked_at,
    delivery,
  })
}

function fromRequest(request: IncomingMessage): Credentials {
  return {
    authorization: request.headers.authorization ?? null,
    cookie: request.headers.cookie,
    method: request.method ?? 'unknown',
    origin: request.headers.origin,
    secFetchSite: header(request, 'sec-fetch-site') ?? undefined,
    csrfToken: csrfTokenOf(request),
    organizationId: header(request, 'x-identsphere-organization'),
  }
}

function fromHeaders(headers: Headers, method = 'unknown'): Credentials {
  return {
    authorization: headers.get('authorization'),
    cookie: headers.get('cookie') ?? undefined,
    method,
    origin: headers.get('origin') ?? undefined,
    secFetchSite: headers.get('sec-fetch-site') ?? undefined,
    csrfToken: headers.get('x-identsphere-csrf') ?? headers.get('x-csrf-token'),
    organizationId: headers.get('x-identsphere-organization'),
  }
}
