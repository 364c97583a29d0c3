import { IdentSphereError } from '../../../core/errors.js'
import { createGuard, type GuardOptions, type GuardParts } from '../../../core/http/guard.js'
import type { Middleware } from '../../../core/http/router.js'

/** Lets exactly these roles of the active organisation pass, and owner always. Without a membership it denies. */
export function requireRole(parts: GuardParts, roles: readonly string[], options?: GuardOptions): Middleware {
  const allowed = new Set(['owner', ...roles])
  return createGuard(
    parts,
    (auth) => {
      if (auth.role === null || !allowed.has(auth.role)) throw new IdentSphereError('forbidden')
    },
    options,
  )
}
