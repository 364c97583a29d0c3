import type { IncomingMessage } from 'node:http'
import type { Auth } from '../../core/auth.js'
import { IdentSphereError } from '../../core/errors.js'
import { type Contributions, extensionPoint } from '../../core/extension-point.js'
import type { CookieJar } from '../../core/http/cookies.js'
import { type CsrfTokens, csrfTokenOf } from '../../core/http/csrf.js'
import type { Delivery } from '../../core/http/fields.js'
import type { Identity } from '../../core/http/identity.js'
import {
  type HeadersLike,
  headersOf,
  type IdentitySource,
  isHeaders,
  isMessage,
  isSource,
  type RequestLike,
} from '../../core/http/identity-source.js'
import { type ForeignOrigin, isForeignRequest, isUnsafe } from '../../core/http/origin.js'
import { perRequest } from '../../core/http/per-request.js'
import { bearerToken } from '../../core/http/request-context.js'
import type { AccessTokenClaims, AccessTokens } from '../tokens/access-tokens.js'
import type { Verified } from '../tokens/verified-tokens.js'
import type { LiveSession, SessionCheck } from './check.js'
import type { LastSeen } from './last-seen.js'

/** Reads the credentials of a source. Headers are read only if they are needed. */
interface Credentials {
  readonly method: string
  header(name: string): string | undefined
  csrfToken(): string | null
}

export interface AuthenticateOptions {
  /** Method of the request, if the source is only `Headers`. Without a method, cookies need a CSRF token. */
  method?: string
  /**
   * `own`: cookies are accepted only with an own `Origin`, for every method. This always applies to requests with `Upgrade`, with
   * which WebSockets begin. It does not apply to bearer tokens.
   */
  origin?: 'own'
}

/** A requirement for live sessions, e.g. a second factor that the organization requires. */
export interface SessionRequirement {
  isMissing(session: LiveSession): boolean
  /** Throws the error for a session that does not meet the requirement. */
  deny(auth: Auth): Promise<never>
}

/** Requirements of later features for all sessions. */
export const sessionRequirements = extensionPoint<SessionRequirement>('sessions.requirements')

/** Returns the user of a request, or null. Rejects if the session cannot be checked. */
export type Authenticate = (source: IdentitySource, options?: AuthenticateOptions) => Promise<Auth | null>

/** Checks a session again. */
export type Recheck = (auth: Auth) => Promise<Auth | null>

export function createAuthenticate(deps: {
  accessTokens: AccessTokens
  check: SessionCheck
  cookies: CookieJar
  csrf: CsrfTokens
  lastSeen: LastSeen
  isOwnOrigin: (origin: string) => boolean
  foreignOrigin: ForeignOrigin
  permissionsOf: (role: string | null) => readonly string[]
  contributions: Contributions
  ready: () => Promise<void>
}): Authentication {
  const { accessTokens, check, cookies, csrf, lastSeen, contributions } = deps
  /**
   * All guards of a request share one session check. If middleware overrides the method between two guards, the session is
   * checked again, because the new method may need a CSRF token.
   */
  const states = perRequest<RequestState>()
  /** Stores the verified token in its `Auth`, for `recheck()`. A WeakMap would be slower than the rest of the check. */
  const tokenOf = Symbol('identsphere')

  /** If there is an `Authorization` header, cookies are ignored. */
  function findToken(credentials: Credentials): { token: string; delivery: Delivery } | null {
    const authorization = credentials.header('authorization')
    if (authorization !== undefined) {
      const token = bearerToken(authorization)
      return token === null ? null : { token, delivery: 'body' }
    }
    const token = cookies.read(credentials.header('cookie'), 'at')
    return token === null ? null : { token, delivery: 'cookie' }
  }

  async function checkSession(credentials: Credentials): Promise<Auth | null> {
    const found = findToken(credentials)
    if (found === null) return null
    const verified = accessTokens.verify(found.token)
    if (!verified.ok) return null
    const { claims } = verified
    // A token for the cookie is valid only in the cookie, and other tokens are not valid there. Tokens of OAuth clients are
    // not accepted here.
    if (claims.client_id !== undefined) return null
    if ((claims.dlv === 'cookie' ? 'cookie' : 'body') !== found.delivery) return null
    await deps.ready()
    const session = await check.read(claims.sid)
    if (session === null || !isValidFor(verified, session)) return null
    if (found.delivery === 'cookie') assertOwnRequest(credentials, session.id)
    const auth = toAuth(session, verified, found.delivery)
    assertOrganization(credentials.header('x-identsphere-organization'), auth)
    if (session.seen_long_ago) lastSeen.touch(session.id)
    return auth
  }

  function toAuth(session: LiveSession, verified: Verified, delivery: Delivery): Auth {
    const auth = describe(session, verified.claims, delivery, {
      permissions: deps.permissionsOf(session.role),
      mfaMissing: contributions(sessionRequirements).some((requirement) => requirement.isMissing(session)),
    })
    return Object.freeze(Object.defineProperty(auth, tokenOf, { value: verified }))
  }

  function assertOwnRequest(credentials: Credentials, sessionId: string): void {
    // A WebSocket begins with a GET. Browsers send it from pages of any site, with cookies (CWE-1385).
    if (credentials.header('upgrade') !== undefined) assertOwnOrigin(credentials.header('origin'))
    if (!isUnsafe(credentials.method)) return
    const origin = credentials.header('origin')
    const secFetchSite = credentials.header('sec-fetch-site')
    if (isForeignRequest({ origin, secFetchSite }, deps.isOwnOrigin)) throw deps.foreignOrigin(origin)
    if (!csrf.matches(credentials.csrfToken(), sessionId)) throw new IdentSphereError('csrf_failed')
  }

  function assertOwnOrigin(origin: string | undefined): void {
    if (origin === undefined || !deps.isOwnOrigin(origin)) throw deps.foreignOrigin(origin)
  }

  function identify(source: IncomingMessage): RequestState {
    const previous = states.get(source)
    if (previous !== undefined && previous.method === source.method) return previous
    const answer = checkSession(fromMessage(source))
    const state: RequestState = {
      method: source.method,
      answer,
      withRequirements: undefined,
      guardResult: previous?.guardResult,
    }
    states.set(source, state)
    answer.catch(() => states.set(source, undefined))
    return state
  }

  async function assertRequirements(auth: Auth): Promise<void> {
    if (!auth.mfaMissing) return
    for (const requirement of contributions(sessionRequirements)) await requirement.deny(auth)
  }

  async function withRequirements(answer: Promise<Auth | null>): Promise<Auth | null> {
    const auth = await answer
    if (auth !== null) await assertRequirements(auth)
    return auth
  }

  function identifyFully(source: IdentitySource, method: string | undefined): Promise<Auth | null> {
    if (!isMessage(source)) return withRequirements(checkSession(fromFetch(source, method)))
    const state = identify(source)
    state.withRequirements ??= withRequirements(state.answer)
    return state.withRequirements
  }

  async function identifyWith(source: IdentitySource, given: AuthenticateOptions): Promise<Auth | null> {
    assertKnownOptions(given)
    const auth = await identifyFully(source, given.method)
    if (given.origin === 'own' && auth?.delivery === 'cookie') assertOwnOrigin(originOf(source))
    return auth
  }

  return {
    authenticate(source, given) {
      if (!isSource(source)) {
        return Promise.reject(new TypeError('authenticate() needs a request or its headers'))
      }
      return given === undefined ? identifyFully(source, undefined) : identifyWith(source, given)
    },

    identify: (request) => identify(request).answer,
    assertRequirements,
    remember(request, auth) {
      const state = states.get(request)
      if (state !== undefined) state.guardResult = auth
    },
    recall: (request) => states.get(request)?.guardResult,

    async recheck(auth) {
      const verified = (auth as (Auth & WithToken) | null | undefined)?.[tokenOf]
      if (verified === undefined) throw new TypeError('recheck() needs an Auth of this instance of IdentSphere')
      await deps.ready()
      // `last_seen_at` is not updated. An open connection must not keep an idle session alive.
      const session = await check.read(auth.sessionId)
      if (session === null || !isValidFor(verified, session)) return null
      const current = toAuth(session, verified, auth.delivery)
      return current.mfaMissing ? null : current
    },
  }
}

export interface Authentication extends Omit<Identity, 'authenticate'> {
  readonly authenticate: Authenticate
  readonly recheck: Recheck
}

/** The result of authentication for one request. */
interface RequestState {
  readonly method: string | undefined
  readonly answer: Promise<Auth | null>
  /** The same, after the requirements were checked. */
  withRequirements: Promise<Auth | null> | undefined
  /** The result of a guard, or undefined if no guard ran. */
  guardResult: Auth | null | undefined
}

interface WithToken {
  readonly [key: symbol]: Verified | undefined
}

/** A misspelled option would check less than it seems. */
function assertKnownOptions(given: AuthenticateOptions): void {
  const unknown = Object.keys(given).find((key) => key !== 'method' && key !== 'origin')
  if (unknown !== undefined) throw new TypeError(`authenticate() has no option ${unknown}`)
  if (given.origin !== undefined && given.origin !== 'own') throw new TypeError("authenticate(): origin can be 'own'")
}

/** A client that shows one organization must not act in another, e.g. after a switch in a second tab. */
function assertOrganization(expected: string | undefined, auth: Auth): void {
  if (expected === undefined || expected.toLowerCase() === auth.organizationId) return
  throw new IdentSphereError('conflict', { message: 'The session has another active organization.' })
}

/** User and organization of the token must be those of the session, and its key must not be revoked. */
function isValidFor({ claims, kid }: Verified, session: LiveSession): boolean {
  if (claims.sub !== session.user_id || (claims.org ?? null) !== session.organization_id) return false
  if (claims.epoch > session.epoch) return false
  return !session.revoked_kids.includes(kid)
}

function describe(
  session: LiveSession,
  claims: Readonly<AccessTokenClaims>,
  delivery: Delivery,
  { permissions, mfaMissing }: Pick<Auth, 'permissions' | 'mfaMissing'>,
): Auth {
  // A step-up increases the epoch. An older token may have been stolen before, so it must not include the step-up.
  const isCurrent = claims.epoch === session.epoch
  return {
    kind: 'session',
    userId: session.user_id,
    email: session.email,
    emailVerified: session.email_verified_at !== null,
    displayName: session.display_name,
    // Null without a membership. Hosts may read the organization without checking the role.
    organizationId: session.role === null ? null : session.organization_id,
    role: session.role,
    permissions,
    sessionId: session.id,
    authMethod: session.auth_method,
    amr: Object.freeze(session.amr),
    authTime: isCurrent ? session.auth_time : null,
    mfaVerifiedAt: isCurrent ? session.mfa_verified_at : null,
    mfaMissing,
    isPlatformAdmin: session.is_platform_admin,
    impersonatorId: session.impersonator_id,
    sessionExpiresAt: session.expires_at,
    checkedAt: session.checked_at,
    delivery,
  }
}

function originOf(source: IdentitySource): string | undefined {
  return isMessage(source) ? source.headers.origin : (headersOf(source).get('origin') ?? undefined)
}

function fromMessage(request: IncomingMessage): Credentials {
  return {
    method: request.method ?? 'unknown',
    header(name) {
      const value = request.headers[name]
      return typeof value === 'string' ? value : undefined
    },
    csrfToken: () => csrfTokenOf(request),
  }
}

/** @param fallbackMethod method of the request, if the source is only headers */
function fromFetch(source: RequestLike | HeadersLike, fallbackMethod = 'unknown'): Credentials {
  const headers = headersOf(source)
  const header = (name: string) => headers.get(name) ?? undefined
  return {
    method: isHeaders(source) ? fallbackMethod : source.method,
    header,
    csrfToken: () => header('x-identsphere-csrf') ?? header('x-csrf-token') ?? null,
  }
}
