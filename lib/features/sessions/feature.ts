import type { IncomingMessage } from 'node:http'
import { defineFeature } from '../../core/feature.js'
import { type CsrfTokens, createCsrfTokens } from '../../core/http/csrf.js'
import { organizations } from '../organizations/feature.js'
import { tokens } from '../tokens/feature.js'
import { users } from '../users/feature.js'
import { securityChanged } from '../users/security-change.js'
import { actions } from './actions.js'
import { sessionsApi } from './api.js'
import { type Authenticate, createAuthenticate, type Recheck } from './authenticate.js'
import { createSessionCheck } from './check.js'
import { sessionGuards } from './guards.js'
import { createTokenIssuer } from './issue.js'
import { createLastSeen } from './last-seen.js'
import { options, type SessionSettings } from './options.js'
import { sessionPersonalData } from './personal-data.js'
import { createRefresh } from './refresh.js'
import { sessionRoutes } from './routes.js'
import { createSessions, type Sessions } from './service.js'
import { sessionSweeps } from './sweeps.js'

/** Members of the instance. */
export interface SessionMembers {
  /**
   * The user of a request, or null. Strict: reads the session from the database. For WebSocket upgrades, GraphQL contexts and
   * server-side rendering; guards do the same.
   *
   * @throws IdentSphereError `service_unavailable` if it cannot know, `csrf_failed` for a forged request, `conflict` if the client names
   * another organization than the session's, `mfa_required` if the role or organization asks for a second factor that the session has
   * not shown
   * @example
   * ```ts
   * const auth = await identsphere.authenticate(await headers(), { method: 'GET' })
   * ```
   */
  readonly authenticate: Authenticate
  /**
   * Reads again what a guard or `authenticate()` established: role and permissions as they are now, or null if the session has ended,
   * its user was disabled, its organization was switched or asks for a second factor, or the token's key was revoked. For long-lived
   * connections; it does not count as use of the session.
   *
   * @throws IdentSphereError `service_unavailable` if it cannot know
   * @throws TypeError for an object that this instance did not establish
   */
  readonly recheck: Recheck
  /** The CSRF token of a session. @internal */
  readonly csrfTokenOf: (sessionId: string) => string
}

/** Sessions, refresh tokens, and who is asking. */
export const sessions = defineFeature<
  Sessions,
  { users: typeof users; organizations: typeof organizations; tokens: typeof tokens },
  SessionSettings
>({
  name: 'sessions',
  tables: ['user_sessions', 'refresh_tokens'],
  // The session check is one statement over all that a guard asks for.
  reads: ['users', 'organizations', 'organization_memberships', 'platform_admins', 'signing_keys'],
  needs: { users, organizations, tokens },
  cookies: {
    at: { httpOnly: true, path: '/' },
    rt: { httpOnly: true, path: 'auth' },
    csrf: { httpOnly: false, path: '/' },
  },
  keyPurposes: ['csrf', 'refresh'],
  actions,
  options,
  open(foundation, services, settings) {
    const { database, clock, store, journal, keys, logger, cookies, foreignOrigin, contributions, ready } = foundation
    const { isOwnOrigin, schema } = foundation.settings
    const { accessTokens } = services.tokens
    const { permissionsOf } = services.organizations
    const csrf: CsrfTokens = createCsrfTokens(keys)
    const check = createSessionCheck({ database, clock, schema, settings })
    const lastSeen = createLastSeen(store, logger)
    const issuer = createTokenIssuer({ accessTokens, csrf, settings: { ...settings, ...services.tokens.settings } })
    const service = createSessions({ store, journal, check, csrf, issuer, users: services.users, settings })
    const refresh = createRefresh({ store, journal, keys, csrf, issuer, settings })
    const { authenticate, recheck, ...identity } = createAuthenticate({
      accessTokens,
      check,
      cookies,
      csrf,
      lastSeen,
      isOwnOrigin,
      foreignOrigin,
      permissionsOf,
      contributions,
      ready,
    })
    const members: SessionMembers = { authenticate, recheck, csrfTokenOf: csrf.issue }
    return {
      service,
      routes: () =>
        sessionRoutes({
          sessions: service,
          refresh,
          accessTokens,
          csrf,
          permissionsOf,
          settings: foundation.settings,
        }),
      guards: sessionGuards,
      api: { sessions: sessionsApi({ calls: foundation.hostCalls, sessions: service }) },
      members,
      identity: { ...identity, authenticate: (request: IncomingMessage) => authenticate(request) },
      jobs: sessionSweeps(store, settings),
      personalData: sessionPersonalData,
      contributes: [securityChanged.of(service.onSecurityChange)],
      close: lastSeen.close,
    }
  },
})
