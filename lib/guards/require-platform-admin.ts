import { IdentSphereError } from '../http/errors.js'
import type { Middleware } from '../http/router.js'
import { createGuard, type GuardOptions, type GuardParts } from './guard.js'
import { assertRecentMfa, type EnrolledMethods } from './recency.js'

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
