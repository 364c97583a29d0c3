import type { z } from 'zod'
import type { CookieChange } from '../../core/http/cookies.js'
import type { CsrfTokens } from '../../core/http/csrf.js'
import type { Delivery } from '../../core/http/fields.js'
import { type AccessTokens, assertNoReservedClaims } from '../tokens/access-tokens.js'
import type { TokenSettings } from '../tokens/options.js'
import type { SessionSettings } from './options.js'
import type { issuedTokens } from './schemas.js'
import type { SessionForTokens } from './session-facts.js'

/** New tokens: fields of the body, and cookies. */
export interface IssuedTokens {
  readonly fields: z.output<typeof issuedTokens>
  readonly cookies: readonly CookieChange[]
}

export interface TokenIssuer {
  /**
   * Makes the access token of a session for cookie or body.
   *
   * @param refreshToken the new refresh token, or null if the client keeps its current one
   */
  issue(session: SessionForTokens, refreshToken: string | null, delivery: Delivery): IssuedTokens
}

export function createTokenIssuer(deps: {
  accessTokens: AccessTokens
  csrf: CsrfTokens
  settings: Pick<SessionSettings, 'accessTokenSeconds'> & Pick<TokenSettings, 'exposeAccessToken' | 'accessTokenClaims'>
}): TokenIssuer {
  const { accessTokens, csrf, settings } = deps

  function hostClaims(session: SessionForTokens): Readonly<Record<string, unknown>> {
    const claims = settings.accessTokenClaims?.({
      userId: session.user_id,
      email: session.email,
      organizationId: session.organization_id,
    })
    if (claims === undefined) return {}
    assertNoReservedClaims(claims)
    return claims
  }

  return {
    issue(session, refreshToken, delivery) {
      const remaining = Math.max(1, Math.floor((session.expires_at.getTime() - session.checked_at.getTime()) / 1000))
      const expiresIn = Math.min(settings.accessTokenSeconds, remaining)
      const accessToken = accessTokens.sign(
        {
          ...hostClaims(session),
          sub: session.user_id,
          sid: session.id,
          ...(session.organization_id === null ? {} : { org: session.organization_id }),
          epoch: session.epoch,
          auth_time: Math.floor(session.auth_time.getTime() / 1000),
          amr: session.amr,
          email: session.email,
          ...(delivery === 'cookie' ? { dlv: 'cookie' as const } : {}),
        },
        expiresIn,
      )
      if (delivery === 'body') {
        const refresh = refreshToken === null ? {} : { refresh_token: refreshToken }
        return { fields: { expires_in: expiresIn, access_token: accessToken, ...refresh }, cookies: [] }
      }
      const csrfToken = csrf.issue(session.id)
      const cookies: CookieChange[] = [
        { name: 'at', value: accessToken, maxAgeSeconds: expiresIn },
        { name: 'csrf', value: csrfToken, maxAgeSeconds: remaining },
      ]
      if (refreshToken !== null) cookies.push({ name: 'rt', value: refreshToken, maxAgeSeconds: remaining })
      const exposed = settings.exposeAccessToken ? { access_token: accessToken } : {}
      return { fields: { expires_in: expiresIn, csrf_token: csrfToken, ...exposed }, cookies }
    },
  }
}

/** A sign-out clears all cookies except the device cookie. */
export const clearedCookies: readonly CookieChange[] = [
  { name: 'at', value: null },
  { name: 'rt', value: null },
  { name: 'csrf', value: null },
]
