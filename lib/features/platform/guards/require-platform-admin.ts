import { IdentSphereError } from '../../../core/errors.js'
import { createGuard, type GuardOptions, type GuardParts } from '../../../core/http/guard.js'
import type { Middleware } from '../../../core/http/router.js'
import { assertRecentMfa, type EnrolledMethods } from '../../mfa/rules/recency.js'

/** Lets platform admins pass whose session has a real second factor. Impersonated sessions never pass. */
export function requirePlatformAdmin(
  parts: GuardParts,
  enrolledMethods: EnrolledMethods,
  options?: GuardOptions,
): Middleware {
  return createGuard(
    parts,
    async (auth) => {
      if (!auth.isPlatformAdmin || auth.impersonatorId !== null) throw new IdentSphereError('forbidden')
      await assertRecentMfa(auth, Number.POSITIVE_INFINITY, enrolledMethods)
    },
    options,
  )
}
