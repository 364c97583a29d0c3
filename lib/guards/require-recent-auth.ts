import type { Middleware } from '../http/router.js'
import { createGuard, type GuardOptions, type GuardParts } from './guard.js'
import { assertRecentAuth } from './recency.js'

/** Lets people pass who proved who they are within the last 10 minutes; `reauthenticate` renews it. */
export function requireRecentAuth(parts: GuardParts, options?: GuardOptions): Middleware {
  return createGuard(parts, assertRecentAuth, options)
}
