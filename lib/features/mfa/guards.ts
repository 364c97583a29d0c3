import type { Check } from '../../core/checks.js'
import type { GuardOptions, GuardsOf } from '../../core/http/guard.js'
import type { Middleware } from '../../core/http/router.js'
import { assertRecentMfa, type EnrolledMethods, recentMfaSeconds } from './rules/recent-mfa.js'

export interface RecentMfaOptions extends GuardOptions {
  /** Maximum age of the second factor in seconds. Default 1800. */
  maxAgeSeconds?: number
}

export interface MfaGuards {
  /** Requires a second factor in the last `maxAgeSeconds`, 1800 by default. Otherwise answers 401 `mfa_required`. */
  requireRecentMfa(options?: RecentMfaOptions): Middleware
}

/** Requires a second factor in the last `maxAgeSeconds`. A missing or future time is denied. */
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
      const { maxAgeSeconds = recentMfaSeconds, ...guardOptions } = options
      if (!Number.isFinite(maxAgeSeconds) || maxAgeSeconds <= 0) {
        throw new RangeError('requireRecentMfa: maxAgeSeconds must be a number above 0')
      }
      return { checks: [recentMfa(methods, maxAgeSeconds)], options: guardOptions }
    },
  }
}
