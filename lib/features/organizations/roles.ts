import { inspect } from 'node:util'
import type { Role } from '../../core/auth.js'
import { ConfigurationError } from '../../core/config/configuration-error.js'

/** Roles from the most to the least powerful. `billing` and `member` are equal. */
export const roles: readonly Role[] = ['owner', 'admin', 'billing', 'member', 'viewer']

/** Hosts can replace it with the option `rbac`. */
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

export interface RoleMatrix {
  /** Permissions of a role with `*` resolved. Empty without a role. Returns the same frozen array each time. */
  permissionsOf(role: string | null): readonly string[]
  /** The assertions throw for an unknown name, so that a typo in a guard is found at construction. */
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
    throw new ConfigurationError(setting, 'is not a role', `Use one of ${roles.join(', ')}.`)
  }

  return {
    permissionsOf: (role) => (role === null ? none : (resolved.get(role) ?? none)),
    assertPermission(permission) {
      if ((all as readonly unknown[]).includes(permission)) return
      throw new ConfigurationError(
        `requirePermission(${inspect(permission)})`,
        'is not a permission of any role',
        `Add it to \`rbac\`, or use one of ${all.join(', ')}.`,
      )
    },
    assertRole: (role) => checkRole(role, `requireRole(${inspect(role)})`),
  }
}
