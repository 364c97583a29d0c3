import { createGuard, type GuardOptions, type GuardParts } from '../../../core/http/guard.js'
import type { Middleware } from '../../../core/http/router.js'
import { assertRecentMfa, type EnrolledMethods, recentMfaSeconds } from '../rules/recency.js'

export interface RecentMfaOptions extends GuardOptions {
  /** Seconds since the second factor was shown. Default 1800. */
  maxAgeSeconds?: number
}

/** Lets people pass who showed a second factor lately. Missing, future and outdated times deny. */
export function requireRecentMfa(
  parts: GuardParts,
  enrolledMethods: EnrolledMethods,
  options: RecentMfaOptions = {},
): Middleware {
  const { maxAgeSeconds = recentMfaSeconds, ...rest } = options
  if (!Number.isFinite(maxAgeSeconds) || maxAgeSeconds <= 0) {
    throw new RangeError('requireRecentMfa: maxAgeSeconds must be a number of seconds above 0')
  }
  return createGuard(parts, (auth) => assertRecentMfa(auth, maxAgeSeconds, enrolledMethods), rest)
}
