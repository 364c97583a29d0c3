import { inspect } from 'node:util'
import type { Role } from '../../core/auth.js'
import { ConfigurationError } from '../../core/config/configuration-error.js'

/** Roles from the most to the least powerful; billing and member are equals. */
export const roles: readonly Role[] = ['owner', 'admin', 'billing', 'member', 'viewer']

/** The default matrix. Hosts replace it with `rbac`. */
const defaultMatrix: Readonly<Record<Role, readonly string[]>> = {
  owner: ['*'],
  admin: [
    'organization:read',
    'organization:update',
    'members:read',
    'members:invite',
    'members:update',
    'members:remove',
    'audit:read',
    'api_keys:manage',
    'webhooks:manage',
  ],
  billing: ['organization:read', 'members:read', 'billing:read', 'billing:manage'],
  member: ['organization:read', 'members:read'],
  viewer: ['organization:read'],
}

/** Which permissions a role has. */
export interface RoleMatrix {
  /** Permissions of a role, `*` resolved; none without a role. The same frozen array each time. */
  permissionsOf(role: string | null): readonly string[]
  /** Throw for a name that there is not, so that a typo in a guard stops the start. */
  assertPermission(permission: unknown): void
  assertRole(role: unknown): void
}

export function createRoleMatrix(configured: Readonly<Record<string, readonly string[]>> | null): RoleMatrix {
  const matrix: Readonly<Record<string, readonly string[]>> = configured ?? defaultMatrix
  for (const role of Object.keys(matrix)) checkRole(role, `rbac.${role}`)
  const all = Object.freeze([...new Set(Object.values(matrix).flat())].filter((name) => name !== '*').sort())
  const resolved = new Map(
    roles.map((role) => {
      const granted = Object.hasOwn(matrix, role) ? (matrix[role] ?? []) : []
      return [role as string, granted.includes('*') ? all : Object.freeze([...granted])]
    }),
  )
  const none = Object.freeze([])

  function checkRole(role: unknown, setting: string): void {
    if ((roles as readonly unknown[]).includes(role)) return
    throw new ConfigurationError(setting, 'names no role', `The roles are ${roles.join(', ')}.`)
  }

  return {
    permissionsOf: (role) => (role === null ? none : (resolved.get(role) ?? none)),
    assertPermission(permission) {
      if ((all as readonly unknown[]).includes(permission)) return
      throw new ConfigurationError(
        `requirePermission(${inspect(permission)})`,
        'names a permission that no role has',
        `Add it to \`rbac\` or correct its spelling. There are ${all.join(', ')}.`,
      )
    },
    assertRole: (role) => checkRole(role, `requireRole(${inspect(role)})`),
  }
}
