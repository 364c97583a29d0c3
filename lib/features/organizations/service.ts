import type { Role } from '../../core/auth.js'
import { randomSuffix, uuidv7 } from '../../core/crypto/random.js'
import { IdentSphereError } from '../../core/errors.js'
import type { Tx } from '../../core/store/store.js'
import {
  firstOrganizationOf,
  insertMembership,
  insertOrganization,
  leaveAll,
  lockMembers,
  roleOf,
  updateRole,
} from './repository.js'

/** Characters. */
export const longestOrganizationName = 100

const slugAttempts = 3
const longestSlug = 100

/** `Ångström & Söhne` → `angstrom-sohne`. */
function slugOf(name: string): string {
  const slug = name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/\p{M}/gu, '')
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, longestSlug - 8)
    .replace(/^-+|-+$/g, '')
  return slug === '' ? 'organization' : slug
}

export function createOrganizations() {
  return {
    /**
     * An organisation with its first owner.
     *
     * @throws IdentSphereError `conflict` where the wanted slug is taken
     */
    async create(tx: Tx, input: { name: string; slug: string | null; ownerId: string }): Promise<string> {
      const id = uuidv7()
      for (let attempt = 1; ; attempt += 1) {
        const derived = slugOf(input.name)
        const slug = input.slug ?? (attempt === 1 ? derived : `${derived}-${randomSuffix(6)}`)
        if (await insertOrganization(tx, { id, name: input.name, slug })) break
        if (input.slug !== null || attempt === slugAttempts) {
          throw new IdentSphereError('conflict', {
            message: 'This organisation slug is taken.',
            details: [{ path: 'organization_slug', message: 'is taken' }],
          })
        }
      }
      await insertMembership(tx, { organizationId: id, userId: input.ownerId, role: 'owner' })
      return id
    },

    /** Ends all memberships of a user, and the organisations that nobody is left in. */
    leaveAll,

    /**
     * Sees to it that somebody is a member: a new one as `member` where no role is given, a known one with the role they have.
     *
     * @throws IdentSphereError `not_found` where there is no such organisation
     */
    async ensureMember(tx: Tx, organizationId: string, userId: string, role: Role | undefined): Promise<void> {
      if (!(await lockMembers(tx, organizationId))) {
        throw new IdentSphereError('not_found', { message: 'There is no such organisation.' })
      }
      const before = await roleOf(tx, organizationId, userId)
      if (before === undefined) await insertMembership(tx, { organizationId, userId, role: role ?? 'member' })
      else if (role !== undefined) await updateRole(tx, organizationId, userId, role)
    },

    /** The organisation a new session begins in: the one joined first, or null. */
    defaultFor: firstOrganizationOf,
  }
}

export type Organizations = ReturnType<typeof createOrganizations>
