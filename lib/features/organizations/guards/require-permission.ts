import { IdentSphereError } from '../../../core/errors.js'
import { createGuard, type GuardOptions, type GuardParts } from '../../../core/http/guard.js'
import type { Middleware } from '../../../core/http/router.js'

/** Lets members pass whose role has every one of these permissions. */
export function requirePermission(
  parts: GuardParts,
  permissions: readonly string[],
  options?: GuardOptions,
): Middleware {
  return createGuard(
    parts,
    (auth) => {
      if (!permissions.every((name) => auth.permissions.includes(name))) throw new IdentSphereError('forbidden')
    },
    options,
  )
}
