import type { GuardOptions, GuardsOf } from '../../core/http/guard.js'
import type { Middleware } from '../../core/http/router.js'
import { recentAuth } from './rules/recent-auth.js'

/** Guards by the session alone. */
export interface SessionGuards {
  /** Signed-in users pass. 401 otherwise. */
  requireAuth(options?: GuardOptions): Middleware
  /**
   * Every request passes; `authOrNull(req)` reads the user. A credential that is not valid counts as none. A database that cannot answer
   * is still 503, and a forged cross-site request still 403.
   */
  optionalAuth(options?: GuardOptions): Middleware
  /** A proof of identity within the last 10 minutes. 401 `reauthentication_required` otherwise. */
  requireRecentAuth(options?: GuardOptions): Middleware
}

export const sessionGuards: GuardsOf<SessionGuards> = {
  requireAuth: (options) => ({ checks: [], options }),
  optionalAuth: (options) => ({ checks: [], allowsAnonymous: true, options }),
  requireRecentAuth: (options) => ({ checks: [recentAuth()], options }),
}
