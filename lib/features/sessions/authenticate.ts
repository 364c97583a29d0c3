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

/** Reads a request, whatever it is made of. Headers are read when they are needed. */
interface Credentials {
  readonly method: string
  header(name: string): string | undefined
  csrfToken(): string | null
}

/** Options of `identsphere.authenticate()`. */
export interface AuthenticateOptions {
  /** Method of the request where only `Headers` are given. Without it, cookies need CSRF proof. */
  method?: string
  /**
   * `own`: cookies count only beside an `Origin` that is one of ours, whatever the method. Requests with `Upgrade`, as
   * WebSockets begin with, are always held to it. Bearer tokens need none.
   */
  origin?: 'own'
}

/** What a session has to meet besides being live, e.g. a second factor that its organization asks for. */
export interface SessionRequirement {
  isMissing(session: LiveSession): boolean
  /** Throws the error of the denial. */
  deny(auth: Auth): Promise<never>
}

/** Requirements that features below this one have for every session. */
export const sessionRequirements = extensionPoint<SessionRequirement>('sessions.requirements')

/** Says who is asking. Rejects if it cannot know, so that no request passes by accident. */
export type Authenticate = (source: IdentitySource, options?: AuthenticateOptions) => Promise<Auth | null>

/** Reads an established session again from the database. */
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
  /** One look per request, shared by all guards in front of it. A method override in between asks anew: it may need CSRF proof. */
  const known = perRequest<Known>()
  /** Keeps with each `Auth` the token it came from, for `recheck()`: on the object, as a WeakMap costs more than all the rest. */
  const provenBy = Symbol('identsphere')

  /** The access token, and how it came. A present `Authorization` decides alone. */
  function findToken(credentials: Credentials): { token: string; delivery: Delivery } | null {
    const authorization = credentials.header('authorization')
    if (authorization !== undefined) {
      const token = bearerToken(authorization)
      return token === null ? null : { token, delivery: 'body' }
    }
    const token = cookies.read(credentials.header('cookie'), 'at')
    return token === null ? null : { token, delivery: 'cookie' }
  }

  async function establish(credentials: Credentials): Promise<Auth | null> {
    const found = findToken(credentials)
    if (found === null) return null
    const verified = accessTokens.verify(found.token)
    if (!verified.ok) return null
    const { claims } = verified
    // A token minted for the cookie works nowhere else, and none but those works there. An OAuth client's never works here.
    if (claims.client_id !== undefined) return null
    if ((claims.dlv === 'cookie' ? 'cookie' : 'body') !== found.delivery) return null
    await deps.ready()
    const session = await check.read(claims.sid)
    if (session === null || !fits(verified, session)) return null
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
    return Object.freeze(Object.defineProperty(auth, provenBy, { value: verified }))
  }

  function assertOwnRequest(credentials: Credentials, sessionId: string): void {
    // A WebSocket begins as a GET that browsers send for every page, cookies included (CWE-1385).
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

  function identify(source: IncomingMessage): Known {
    const before = known.get(source)
    if (before !== undefined && before.method === source.method) return before
    const answer = establish(fromMessage(source))
    const now: Known = { method: source.method, answer, withRequirements: undefined, passed: before?.passed }
    known.set(source, now)
    answer.catch(() => known.set(source, undefined))
    return now
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
    if (!isMessage(source)) return withRequirements(establish(fromFetch(source, method)))
    const found = identify(source)
    found.withRequirements ??= withRequirements(found.answer)
    return found.withRequirements
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
        return Promise.reject(new TypeError('authenticate() takes a request, or the headers of one'))
      }
      return given === undefined ? identifyFully(source, undefined) : identifyWith(source, given)
    },

    identify: (request) => identify(request).answer,
    assertRequirements,
    remember(request, auth) {
      const found = known.get(request)
      if (found !== undefined) found.passed = auth
    },
    recall: (request) => known.get(request)?.passed,

    async recheck(auth) {
      const verified = (auth as (Auth & Proven) | null | undefined)?.[provenBy]
      if (verified === undefined) throw new TypeError('recheck() takes what this instance of IdentSphere established')
      await deps.ready()
      // Not noted as use: a connection that is only held open must not keep an idle session alive.
      const session = await check.read(auth.sessionId)
      if (session === null || !fits(verified, session)) return null
      const now = toAuth(session, verified, auth.delivery)
      return now.mfaMissing ? null : now
    },
  }
}

/** Everything that says who is asking. */
export interface Authentication extends Omit<Identity, 'authenticate'> {
  readonly authenticate: Authenticate
  readonly recheck: Recheck
}

/** What was found out about one request. */
interface Known {
  readonly method: string | undefined
  readonly answer: Promise<Auth | null>
  /** The same, once every requirement was met. */
  withRequirements: Promise<Auth | null> | undefined
  /** The user that a guard let pass; undefined before any guard did. */
  passed: Auth | null | undefined
}

interface Proven {
  readonly [key: symbol]: Verified | undefined
}

/** A misspelt option would check less than it reads. */
function assertKnownOptions(given: AuthenticateOptions): void {
  const unknown = Object.keys(given).find((key) => key !== 'method' && key !== 'origin')
  if (unknown !== undefined) throw new TypeError(`authenticate() has no option ${unknown}`)
  if (given.origin !== undefined && given.origin !== 'own') throw new TypeError("authenticate(): origin can be 'own'")
}

/** A client that shows one organisation must not act in another, e.g. after a switch in a second tab. */
function assertOrganization(wanted: string | undefined, auth: Auth): void {
  if (wanted === undefined || wanted.toLowerCase() === auth.organizationId) return
  throw new IdentSphereError('conflict', { message: "Another organisation is this session's active one." })
}

/** The token's user and organisation must still be the session's, and its key must not have been revoked. */
function fits({ claims, kid }: Verified, session: LiveSession): boolean {
  if (claims.sub !== session.user_id || (claims.org ?? null) !== session.organization_id) return false
  if (claims.epoch > session.epoch) return false
  return !(session.revoked_kids ?? []).includes(kid)
}

function describe(
  session: LiveSession,
  claims: Readonly<AccessTokenClaims>,
  delivery: Delivery,
  { permissions, mfaMissing }: Pick<Auth, 'permissions' | 'mfaMissing'>,
): Auth {
  // A step-up moves the epoch: a token from before it may have been stolen before it, and gains nothing by it.
  const current = claims.epoch === session.epoch
  return {
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

/** @param given method of the request, if the source has none */
function fromFetch(source: RequestLike | HeadersLike, given = 'unknown'): Credentials {
  const headers = headersOf(source)
  const header = (name: string) => headers.get(name) ?? undefined
  return {
    method: isHeaders(source) ? given : source.method,
    header,
    csrfToken: () => header('x-identsphere-csrf') ?? header('x-csrf-token') ?? null,
  }
}
