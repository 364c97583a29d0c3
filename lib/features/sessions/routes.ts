import type { Auth } from '../../core/auth.js'
import type { CoreSettings } from '../../core/config/settings.js'
import type { RequestContext } from '../../core/context.js'
import { IdentSphereError } from '../../core/errors.js'
import type { CookieName } from '../../core/http/cookies.js'
import type { CsrfTokens } from '../../core/http/csrf.js'
import { idInPath } from '../../core/http/fields.js'
import { safeReturnTarget } from '../../core/http/origin.js'
import { type Route, route } from '../../core/http/route.js'
import type { AccessTokens } from '../tokens/access-tokens.js'
import { describeSession } from './describe.js'
import { clearedCookies } from './issue.js'
import type { Refresh } from './refresh.js'
import { currentSession, issuedTokens, refreshBody, returnTo, sessionList } from './schemas.js'
import type { Sessions } from './service.js'

export function sessionRoutes(deps: {
  sessions: Sessions
  refresh: Refresh
  accessTokens: AccessTokens
  csrf: CsrfTokens
  permissionsOf: (role: string | null) => readonly string[]
  settings: Pick<CoreSettings, 'publicBaseUrl' | 'mountPath' | 'isOwnOrigin' | 'pages'>
}): Route[] {
  const { sessions, refresh, settings } = deps

  /** The absolute address of `return_to`, or the root of the router if it is not allowed. */
  function targetOf(returnPath: string | undefined): string {
    const home = `${settings.publicBaseUrl.origin}${settings.mountPath}/`
    return safeReturnTarget(returnPath, settings.publicBaseUrl, settings.isOwnOrigin) ?? home
  }

  return [
    route({
      method: 'POST',
      path: '/v1/auth/refresh',
      auth: 'none',
      input: { body: refreshBody },
      output: { 200: issuedTokens },
      errors: ['invalid_input', 'authentication_required', 'csrf_failed'],
      async handle({ body, context, cookie, csrfToken }) {
        const fromCookie = body.refresh_token === undefined
        const token = body.refresh_token ?? cookie('rt')
        if (token === null) throw new IdentSphereError('authentication_required')
        const { fields, cookies } = await refresh(
          fromCookie
            ? { token, delivery: 'cookie', proof: { csrfToken } }
            : { token, delivery: 'body', proof: 'not_needed' },
          context,
        )
        return { status: 200, body: fields, cookies }
      },
    }),
    route({
      method: 'GET',
      path: '/v1/auth/resume',
      auth: 'none',
      input: { query: returnTo },
      output: { 303: null },
      errors: ['invalid_input'],
      async handle({ query, context, cookie, conflictingCookies }) {
        const target = targetOf(query.return_to)
        const token = cookie('rt')
        try {
          // A new cookie beside a conflicting one would be refused again. That would be a redirect loop.
          if (token === null || conflictingCookies.length > 0) throw new IdentSphereError('authentication_required')
          const { cookies } = await refresh({ token, delivery: 'cookie', proof: 'not_needed' }, context)
          return { status: 303, location: target, cookies }
        } catch (error) {
          if (!(error instanceof IdentSphereError) || error.code !== 'authentication_required') throw error
          const signIn = settings.pages.signIn()
          signIn.searchParams.set('return_to', target)
          return { status: 303, location: signIn.href, cookies: clearedCookies }
        }
      },
    }),
    route({
      method: 'POST',
      path: '/v1/auth/logout',
      auth: 'none',
      input: { body: refreshBody },
      output: { 204: null },
      errors: ['csrf_failed'],
      async handle({ body, context, cookie, csrfToken, bearer }) {
        // An expired access token can still end its session.
        if (body.refresh_token !== undefined) {
          await sessions.signOut({ refreshToken: body.refresh_token }, 'not_needed', context)
        } else if (!(await signOutByBearer(bearer, context))) {
          await signOutByCookies(cookie, csrfToken, context)
        }
        return { status: 204, cookies: clearedCookies }
      },
    }),
    route({
      method: 'GET',
      path: '/v1/auth/session',
      auth: 'session',
      skipsRequirements: true,
      output: { 200: currentSession },
      errors: [],
      async handle({ auth }) {
        const session = await sessions.live(auth.sessionId)
        const proof = auth.delivery === 'cookie' ? { csrf_token: deps.csrf.issue(session.id) } : {}
        return { status: 200, body: { ...describeSession(session, deps.permissionsOf(session.role)), ...proof } }
      },
    }),
    route({
      method: 'GET',
      path: '/v1/users/me/sessions',
      auth: 'session',
      skipsRequirements: true,
      output: { 200: sessionList },
      errors: [],
      handle: async ({ auth }) => ({ status: 200, body: { sessions: await describeAll(auth) } }),
    }),
    route({
      method: 'DELETE',
      path: '/v1/users/me/sessions/:id',
      auth: 'session',
      skipsRequirements: true,
      input: { params: idInPath },
      output: { 204: null },
      errors: ['not_found'],
      async handle({ auth, params, context }) {
        await sessions.revoke(auth, params.id, context)
        return { status: 204, cookies: params.id === auth.sessionId ? clearedCookies : [] }
      },
    }),
    route({
      method: 'DELETE',
      path: '/v1/users/me/sessions',
      auth: 'session',
      skipsRequirements: true,
      output: { 204: null },
      errors: [],
      async handle({ auth, context }) {
        await sessions.revokeOthers(auth, context)
        return { status: 204 }
      },
    }),
  ]

  /** @returns false if the token is not an access token of a native client. Then the cookies decide. */
  async function signOutByBearer(bearer: string | null, context: RequestContext): Promise<boolean> {
    const verified = bearer === null ? null : deps.accessTokens.verifyEvenExpired(bearer)
    if (verified?.ok !== true) return false
    if (verified.claims.dlv !== undefined || verified.claims.client_id !== undefined) return false
    await sessions.signOut({ accessToken: verified }, 'not_needed', context)
    return true
  }

  async function signOutByCookies(
    cookie: (name: CookieName) => string | null,
    csrfToken: string | null,
    context: RequestContext,
  ): Promise<void> {
    const refreshToken = cookie('rt')
    if (refreshToken !== null) await sessions.signOut({ refreshToken }, { csrfToken }, context)
    const accessToken = cookie('at')
    const verified = accessToken === null ? null : deps.accessTokens.verifyEvenExpired(accessToken)
    if (verified?.ok === true) await sessions.signOut({ accessToken: verified }, { csrfToken }, context)
  }

  async function describeAll(auth: Auth) {
    const rows = await sessions.list(auth.userId)
    return rows.map((row) => ({
      id: row.id,
      created_at: row.created_at.toISOString(),
      last_seen_at: row.last_seen_at.toISOString(),
      expires_at: row.expires_at.toISOString(),
      ip_address: row.ip_address,
      user_agent: row.user_agent,
      auth_method: row.auth_method,
      current: row.id === auth.sessionId,
    }))
  }
}
