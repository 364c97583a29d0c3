import type { Middleware } from '../http/router.js'
import { createGuard, type GuardOptions, type GuardParts } from './guard.js'

/** Lets signed-in people pass. */
export function requireAuth(parts: GuardParts, options?: GuardOptions): Middleware {
  return createGuard(parts, () => {}, options)
}
