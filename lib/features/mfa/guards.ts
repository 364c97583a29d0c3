import type { Check } from '../../core/checks.js'
import type { GuardOptions, GuardsOf } from '../../core/http/guard.js'
import type { Middleware } from '../../core/http/router.js'
import { assertRecentMfa, type EnrolledMethods, recentMfaSeconds } from './rules/recent-mfa.js'

export interface RecentMfaOptions extends GuardOptions {
  /** Seconds since the second factor was shown. Default 1800. */
  maxAgeSeconds?: number
}

/** Guards by the second factor. */
export interface MfaGuards {
  /** A second factor within `maxAgeSeconds`, 1800 by default. 401 `mfa_required` otherwise. */
  requireRecentMfa(options?: RecentMfaOptions): Middleware
}

/** Needs a second factor of the last `maxAgeSeconds`. Missing, future and older times deny. */
export function recentMfa(methods: EnrolledMethods, maxAgeSeconds: number): Check {
  return {
    name: 'recentMfa',
    errors: ['mfa_required'],
    assert: (auth) => assertRecentMfa(auth, maxAgeSeconds, methods),
  }
}

export function mfaGuards(methods: EnrolledMethods): GuardsOf<MfaGuards> {
  return {
    requireRecentMfa(options: RecentMfaOptions = {}) {
      const { maxAgeSeconds = recentMfaSeconds, ...rest } = options
      if (!Number.isFinite(maxAgeSeconds) || maxAgeSeconds <= 0) {
        throw new RangeError('requireRecentMfa: maxAgeSeconds must be a number of seconds above 0')
      }
      return { checks: [recentMfa(methods, maxAgeSeconds)], options: rest }
    },
  }
}
