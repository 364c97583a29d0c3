import { IdentSphereError } from '../http/errors.js'
import type { Middleware } from '../http/router.js'
import { createGuard, type GuardOptions, type GuardParts } from './guard.js'

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
