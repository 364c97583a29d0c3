import { IdentSphereError } from '../http/errors.js'
import type { Middleware } from '../http/router.js'
import { assertSignedIn, createGuard, type GuardOptions, type GuardParts } from './guard.js'
import { assertRecentMfa } from './recency.js'

/** Lets platform admins pass whose session has a real second factor. Impersonated sessions never pass. */
export function requirePlatformAdmin(
  parts: GuardParts,
  enrolledMethods: (userId: string) => Promise<readonly string[]>,
  options?: GuardOptions,
): Middleware {
  return createGuard(
    parts,
    async (auth) => {
      assertSignedIn(auth)
      if (!auth.isPlatformAdmin || auth.impersonatorId !== null) throw new IdentSphereError('forbidden')
      await assertRecentMfa(auth, Number.POSITIVE_INFINITY, enrolledMethods)
    },
    options,
  )
}
