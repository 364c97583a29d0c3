import type { Role } from '../../core/auth.js'
import type { Check } from '../../core/checks.js'
import { IdentSphereError } from '../../core/errors.js'
import type { GuardOptions, GuardsOf } from '../../core/http/guard.js'
import type { Middleware } from '../../core/http/router.js'
import type { RoleMatrix } from './roles.js'

export interface RoleGuards {
  /** Requires one of these roles in the active organization. `owner` always passes. Otherwise answers 403. */
  requireRole(...roles: [Role, ...Role[]] | [Role, ...Role[], GuardOptions]): Middleware
  /** Requires a role with all of these permissions in the active organization. Otherwise answers 403. */
  requirePermission(...permissions: [string, ...string[]] | [string, ...string[], GuardOptions]): Middleware
}

/** Requires one of these roles. `owner` always passes. */
export function hasRole(roles: readonly string[]): Check {
  const allowed = new Set(['owner', ...roles])
  return {
    name: 'role',
    errors: ['forbidden'],
    assert({ role }) {
      if (role === null || !allowed.has(role)) throw new IdentSphereError('forbidden')
    },
  }
}

/** Requires a role that has all of these permissions. */
export function hasPermission(permissions: readonly string[]): Check {
  return {
    name: 'permission',
    errors: ['forbidden'],
    assert(auth) {
      if (!permissions.every((name) => auth.permissions.includes(name))) throw new IdentSphereError('forbidden')
    },
  }
}

export function roleGuards(matrix: RoleMatrix): GuardsOf<RoleGuards> {
  return {
    requireRole(...given) {
      const { names, options } = namesAndOptions(given, matrix.assertRole)
      return { checks: [hasRole(names)], options }
    },
    requirePermission(...given) {
      const { names, options } = namesAndOptions(given, matrix.assertPermission)
      return { checks: [hasPermission(names)], options }
    },
  }
}

/** Splits the arguments of `requireRole('admin', 'member', { onDenied })`. A call without names throws. */
function namesAndOptions(
  given: ReadonlyArray<string | GuardOptions>,
  assertName: (name: unknown) => void,
): { names: string[]; options: GuardOptions } {
  const last = given.at(-1)
  const options = typeof last === 'object' && last !== null && !Array.isArray(last) ? last : {}
  const names = options === last ? given.slice(0, -1) : given
  for (const name of names.length === 0 ? [undefined] : names) assertName(name)
  return { names: names as string[], options }
}
