import type { IncomingMessage } from 'node:http'
import type { Auth, Role } from './core/auth.js'
import type { GuardOptions } from './core/http/guard.js'
import type { Middleware } from './core/http/router.js'
import type { Health } from './features/health/service.js'
import type { RecentMfaOptions } from './features/mfa/guards/require-recent-mfa.js'
import type { OrganizationsApi } from './features/organizations/api.js'
import type { SessionsApi } from './features/sessions/api.js'
import type { Authenticate, Recheck } from './features/sessions/authenticate.js'
import type { UsersApi } from './features/users/api.js'

/** Rooms whose routes can be mounted one by one. */
export interface RoomRouters {
  accounts(): Middleware
  signIn(): Middleware
  sessions(): Middleware
  passwords(): Middleware
  passkeys(): Middleware
  email(): Middleware
  mfa(): Middleware
  trustedBrowsers(): Middleware
  tokens(): Middleware
  pages(): Middleware
  health(): Middleware
}

/** What a host's own server code may do, each optionally inside a transaction of the host's. */
export interface Api {
  readonly users: UsersApi
  readonly sessions: SessionsApi
  readonly organizations: OrganizationsApi
}

/** What `createIdentSphere()` gives: routers and guards over one store. */
export interface IdentSphere {
  /** Every route. Requests that are none of them go on untouched. */
  router(): Middleware
  /** One room each, on the same paths. */
  readonly routers: RoomRouters

  /** Signed-in people pass. 401 otherwise. */
  requireAuth(options?: GuardOptions): Middleware
  /** Everybody passes; `authOrNull(req)` says who it is. */
  optionalAuth(options?: GuardOptions): Middleware
  /** These roles of the active organisation pass, and owner always. 403 otherwise. */
  requireRole(...roles: [Role, ...Role[]] | [Role, ...Role[], GuardOptions]): Middleware
  /** Members whose role has all of these permissions pass. 403 otherwise. */
  requirePermission(...permissions: [string, ...string[]] | [string, ...string[], GuardOptions]): Middleware
  /** A proof of identity within the last 10 minutes. 401 `reauthentication_required` otherwise. */
  requireRecentAuth(options?: GuardOptions): Middleware
  /** A second factor within `maxAgeSeconds`, 1800 by default. 401 `mfa_required` otherwise. */
  requireRecentMfa(options?: RecentMfaOptions): Middleware
  /** Platform admins whose session has a second factor. */
  requirePlatformAdmin(options?: GuardOptions): Middleware

  /**
   * Who is asking, or null. Strict: reads the session from the database. For WebSocket upgrades, GraphQL contexts and
   * server-side rendering; guards do the same.
   *
   * @throws IdentSphereError `service_unavailable` when it cannot know, `csrf_failed` for a forged request, `conflict` where
   * the client names another organisation than the session's, `mfa_required` where its role or organisation asks for a second
   * factor that it has not shown
   * @example
   * ```ts
   * const auth = await identsphere.authenticate(await headers(), { method: 'GET' })
   * ```
   */
  readonly authenticate: Authenticate
  /**
   * What a guard or `authenticate()` established, asked for again: role and permissions as they are now, or null once the
   * session has ended, its user was disabled, its organisation was switched or asks for a second factor, or the token's key
   * was revoked. For connections that live long; does not count as use of the session.
   *
   * @throws IdentSphereError `service_unavailable` when it cannot know
   * @throws TypeError for what this instance did not establish
   */
  readonly recheck: Recheck
  /** What the guard in front of this handler established. @throws Error where there was none */
  auth(request: IncomingMessage): Auth
  /** The same, or null where nobody is signed in. */
  authOrNull(request: IncomingMessage): Auth | null
  /**
   * The CSRF token of the session that the guard established, for the hidden field `_csrf` of a form. Where the session
   * came with a bearer token, nothing asks for it. @throws Error where there was no guard, or nobody is signed in
   */
  csrfToken(request: IncomingMessage): string

  /** For the host's own server code. It asks nobody for permission: check first who is asking. */
  readonly api: Api

  /** Brings the schema up to date; safe from any number of processes at once. */
  migrate(): Promise<void>
  /** Opens the database, checks schema and clock, starts the worker. The first request does it too. */
  ready(): Promise<void>
  /**
   * Runs the background work in this process, whose only task that may be: it lives until `close()`. For `worker: 'external'`;
   * `npx identsphere worker` calls it.
   *
   * @throws ConfigurationError in development without a mailer, where the mailbox page belongs to the application's process
   */
  startWorker(): Promise<void>
  /** Whether the database answers now, by a real query. Never throws. */
  health(): Promise<Health>
  /** Drains, and closes what IdentSphere opened; a Knex instance of the host's stays open. */
  close(): Promise<void>
  /** Emergency: tokens signed with this key are refused by every node from the next request on. */
  revokeSigningKey(kid: string): Promise<void>
}

declare module 'node:http' {
  interface IncomingMessage {
    /** Who is signed in, as a guard of IdentSphere established it. `identsphere.auth(req)` reads the same. */
    identsphere?: Auth
  }
}
