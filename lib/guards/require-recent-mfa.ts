import type { Middleware } from '../http/router.js'
import { assertSignedIn, createGuard, type GuardOptions, type GuardParts } from './guard.js'
import { assertRecentMfa, recentMfaSeconds } from './recency.js'

export interface RecentMfaOptions extends GuardOptions {
  /** Seconds since the second factor was shown. Default 1800. */
  maxAgeSeconds?: number
}

/** Lets people pass who showed a second factor lately. Missing, future and outdated times deny. */
export function requireRecentMfa(
  parts: GuardParts,
  enrolledMethods: (userId: string) => Promise<readonly string[]>,
  options: RecentMfaOptions = {},
): Middleware {
  const { maxAgeSeconds = recentMfaSeconds, ...rest } = options
  if (!Number.isFinite(maxAgeSeconds) || maxAgeSeconds <= 0) {
    throw new RangeError('requireRecentMfa: maxAgeSeconds must be a number of seconds above 0')
  }
  return createGuard(
    parts,
    async (auth) => {
      assertSignedIn(auth)
      await assertRecentMfa(auth, maxAgeSeconds, enrolledMethods)
    },
    rest,
  )
}
