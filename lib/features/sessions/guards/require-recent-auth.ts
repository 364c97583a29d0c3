import { createGuard, type GuardOptions, type GuardParts } from '../../../core/http/guard.js'
import type { Middleware } from '../../../core/http/router.js'
import { assertRecentAuth } from '../../mfa/rules/recency.js'

/** Lets people pass who proved who they are within the last 10 minutes; `reauthenticate` renews it. */
export function requireRecentAuth(parts: GuardParts, options?: GuardOptions): Middleware {
  return createGuard(parts, assertRecentAuth, options)
}
