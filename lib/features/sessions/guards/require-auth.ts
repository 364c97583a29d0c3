import { createGuard, type GuardOptions, type GuardParts } from '../../../core/http/guard.js'
import type { Middleware } from '../../../core/http/router.js'

/** Lets signed-in people pass. */
export function requireAuth(parts: GuardParts, options?: GuardOptions): Middleware {
  return createGuard(parts, () => {}, options)
}
