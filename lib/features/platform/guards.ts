import type { Auth } from '../../core/auth.js'
import type { Check } from '../../core/checks.js'
import { IdentSphereError } from '../../core/errors.js'
import type { GuardOptions, GuardsOf } from '../../core/http/guard.js'
import type { Middleware } from '../../core/http/router.js'

/** Guards for the operator's own people. */
export interface PlatformGuards {
  /** Platform admins whose session has a second factor. Impersonated sessions never pass. */
  requirePlatformAdmin(options?: GuardOptions): Middleware
}

/** Needs a platform admin with a second factor, however old. */
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
