import type { GuardOptions, GuardsOf } from '../../core/http/guard.js'
import type { Middleware } from '../../core/http/router.js'
import { recentAuth } from './rules/recent-auth.js'

export interface SessionGuards {
  /** Requires a session. Otherwise answers 401. */
  requireAuth(options?: GuardOptions): Middleware
  /**
   * Allows every request. `authOrNull(req)` returns the user. An invalid credential counts as no credential. If the database cannot
   * answer, the guard still answers 503. A forged cross-site request still gets 403.
   */
  optionalAuth(options?: GuardOptions): Middleware
  /** Requires authentication in the last 10 minutes. Otherwise answers 401 `reauthentication_required`. */
  requireRecentAuth(options?: GuardOptions): Middleware
}

export const sessionGuards: GuardsOf<SessionGuards> = {
  requireAuth: (options) => ({ checks: [], options }),
  optionalAuth: (options) => ({ checks: [], allowsAnonymous: true, options }),
  requireRecentAuth: (options) => ({ checks: [recentAuth()], options }),
}
