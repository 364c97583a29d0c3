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

export interface SessionMembers {
  /**
   * Returns the user of a request, or null. It reads the session from the database, as guards do. For WebSocket upgrades, GraphQL
   * contexts and server-side rendering.
   *
   * @throws IdentSphereError `service_unavailable` if the session cannot be checked, `csrf_failed` for a forged request, `conflict`
   * if the client expects another active organization, `mfa_required` if the session lacks a required second factor
   * @example
   * ```ts
   * const auth = await identsphere.authenticate(await headers(), { method: 'GET' })
   * ```
   */
  readonly authenticate: Authenticate
  /**
   * Checks an `Auth` of a guard or of `authenticate()` again, for long-lived connections. Returns it with current role and
   * permissions. Returns null if the session has ended, the user was disabled, the organization was switched, a required second
   * factor is missing, or the token's key was revoked. The call does not count as use of the session.
   *
   * @throws IdentSphereError `service_unavailable` if the session cannot be checked
   * @throws TypeError if the object is not from this instance
   */
  readonly recheck: Recheck
  /** The CSRF token of a session. @internal */
  readonly csrfTokenOf: (sessionId: string) => string
}

/** Sessions, refresh tokens, and authentication of requests. */
export const sessions = defineFeature<
  Sessions,
  { users: typeof users; organizations: typeof organizations; tokens: typeof tokens },
  SessionSettings
>({
  name: 'sessions',
  tables: ['user_sessions', 'refresh_tokens'],
  // The session check reads everything for a guard in one statement.
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
