import { createOpenGuard, type GuardOptions, type GuardParts } from '../../../core/http/guard.js'
import type { Middleware } from '../../../core/http/router.js'

/**
 * Lets everybody pass and says who they are. A credential that is not valid counts as none; a database that cannot answer
 * is still 503, and a forged cross-site request still 403.
 */
export function optionalAuth(parts: GuardParts, options?: GuardOptions): Middleware {
  return createOpenGuard(parts, () => {}, options)
}
