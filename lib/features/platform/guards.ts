import type { Auth } from '../../core/auth.js'
import type { Check } from '../../core/checks.js'
import { IdentSphereError } from '../../core/errors.js'
import type { GuardOptions, GuardsOf } from '../../core/http/guard.js'
import type { Middleware } from '../../core/http/router.js'

export interface PlatformGuards {
  /** Requires a platform admin with a second factor in this session. Impersonated sessions never pass. */
  requirePlatformAdmin(options?: GuardOptions): Middleware
}

/** Requires a platform admin with a second factor of any age in this session. */
export function platformAdmin(assertMfa: (auth: Auth) => Promise<void>): Check {
  return {
    name: 'platformAdmin',
    errors: ['forbidden', 'mfa_required'],
    async assert(auth) {
      if (!auth.isPlatformAdmin || auth.impersonatorId !== null) throw new IdentSphereError('forbidden')
      await assertMfa(auth)
    },
  }
}

export function platformGuards(assertMfa: (auth: Auth) => Promise<void>): GuardsOf<PlatformGuards> {
  return { requirePlatformAdmin: (options) => ({ checks: [platformAdmin(assertMfa)], options }) }
}
