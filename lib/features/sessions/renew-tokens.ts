import type { Auth } from '../../core/auth.js'
import type { LiveSession } from './check.js'
import type { IssuedTokens, TokenIssuer } from './issue.js'
import type { Sessions } from './service.js'

/**
 * New tokens for a session that goes on, once what moved its epoch has been committed: those from before gain nothing by it.
 * The refresh token stays.
 *
 * @throws IdentSphereError `authentication_required` where the session has ended
 */
export async function renewTokens(
  rooms: { sessions: Sessions; issuer: TokenIssuer },
  auth: Auth,
): Promise<IssuedTokens & { readonly session: LiveSession }> {
  const session = await rooms.sessions.live(auth.sessionId)
  return { session, ...rooms.issuer.issue(session, null, auth.delivery) }
}
