import type { Role } from '../../core/auth.js'
import { randomSuffix, uuidv7 } from '../../core/crypto/random.js'
import { IdentSphereError } from '../../core/errors.js'
import type { Journal, JournalFacts } from '../../core/journal/journal.js'
import type { Executor, Tx } from '../../core/store/store.js'
import type { Users } from '../users/service.js'
import { actions } from './actions.js'
import {
  changeSettings,
  deleteMembership,
  findOrganization,
  firstOrganizationOf,
  insertMembership,
  insertOrganization,
  leaveAll,
  listMembers,
  lockMembers,
  type MemberRow,
  type OrganizationRow,
  roleOf,
  updateRole,
} from './repository.js'
import type { RoleMatrix } from './roles.js'
import { assertAnotherOwner } from './rules/last-owner.js'

export type { MemberRow, OrganizationRow } from './repository.js'

/** Characters. */
export const longestOrganizationName = 100

const maxSlugAttempts = 3
const maxSlugCharacters = 100

export interface Membership {
  organizationId: string
  userId: string
}

/** The facts of a journal entry that describe the actor. */
export type Actor = Pick<JournalFacts, 'actorId' | 'impersonatorId' | 'context'>

/** `Ångström & Söhne` → `angstrom-sohne`. */
function slugOf(name: string): string {
  const slug = name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/\p{M}/gu, '')
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, maxSlugCharacters - 8)
    .replace(/^-+|-+$/g, '')
  return slug === '' ? 'organization' : slug
}

export function createOrganizations(deps: { journal: Journal; users: Pick<Users, 'exists'>; matrix: RoleMatrix }) {
  const { journal, users, matrix } = deps

  async function assertUser(tx: Tx, userId: string): Promise<void> {
    if (!(await users.exists(tx, userId))) throw new IdentSphereError('not_found', { message: 'User not found.' })
  }

  async function lock(tx: Tx, organizationId: string): Promise<void> {
    if (!(await lockMembers(tx, organizationId))) throw noOrganization()
  }

  /** Locks the members and returns the role of one. */
  async function lockedRole(tx: Tx, { organizationId, userId }: Membership): Promise<Role> {
    await lock(tx, organizationId)
    const role = await roleOf(tx, organizationId, userId)
    if (role === undefined) throw new IdentSphereError('not_found', { message: 'Member not found.' })
    return role
  }

  const aboutMember = (actor: Actor, { organizationId, userId }: Membership) => ({
    ...actor,
    subjectId: userId,
    organizationId,
    resource: { type: 'user', id: userId },
  })

  /**
   * Creates an organization with its first owner. Without a slug, the name is the base of a new slug.
   *
   * @returns the id
   * @throws IdentSphereError `conflict` if the slug is taken
   */
  async function create(tx: Tx, input: { name: string; slug: string | null; ownerId: string }): Promise<string> {
    const id = uuidv7()
    for (let attempt = 1; ; attempt += 1) {
      const derived = slugOf(input.name)
      const slug = input.slug ?? (attempt === 1 ? derived : `${derived}-${randomSuffix(6)}`)
      if (await insertOrganization(tx, { id, name: input.name, slug, ownerId: input.ownerId })) return id
      if (input.slug !== null || attempt === maxSlugAttempts) {
        throw new IdentSphereError('conflict', {
          message: 'This organization slug is taken.',
          details: [{ path: 'organization_slug', message: 'is taken' }],
        })
      }
    }
  }

  /** @throws IdentSphereError `not_found` */
  async function find(db: Executor, organizationId: string): Promise<OrganizationRow> {
    const row = await findOrganization(db, organizationId)
    if (row === undefined) throw noOrganization()
    return row
  }

  return {
    permissionsOf: matrix.permissionsOf,
    create,
    find,

    /** Creates an organization for an existing user and records it. @throws IdentSphereError `conflict`, `not_found` */
    async found(
      tx: Tx,
      input: { name: string; slug: string | null; ownerId: string },
      actor: Actor,
    ): Promise<OrganizationRow> {
      await assertUser(tx, input.ownerId)
      const id = await create(tx, input)
      await journal.record(tx, actions['organizations.created'], {
        ...aboutMember(actor, { organizationId: id, userId: input.ownerId }),
        resource: { type: 'organization', id },
        data: { owner_id: input.ownerId },
      })
      return find(tx, id)
    },

    /** Lists the members in the order in which they joined. @throws IdentSphereError `not_found` */
    async members(db: Executor, organizationId: string): Promise<MemberRow[]> {
      const rows = await listMembers(db, organizationId)
      if (rows.length === 0) await find(db, organizationId)
      return rows
    },

    /** @throws IdentSphereError `conflict` if the user is already a member, `not_found` */
    async addMember(tx: Tx, member: Membership & { role: Role }, actor: Actor): Promise<void> {
      await lock(tx, member.organizationId)
      await assertUser(tx, member.userId)
      if ((await roleOf(tx, member.organizationId, member.userId)) !== undefined) {
        throw new IdentSphereError('conflict', { message: 'The user is already a member.' })
      }
      await insertMembership(tx, member)
      await journal.record(tx, actions['members.added'], {
        ...aboutMember(actor, member),
        data: { role: member.role },
      })
    },

    /** @throws IdentSphereError `conflict` for the last owner, `not_found` if the user is not a member */
    async setRole(tx: Tx, member: Membership & { role: Role }, actor: Actor): Promise<void> {
      const before = await lockedRole(tx, member)
      if (before === member.role) return
      if (before === 'owner') await assertAnotherOwner(tx, member.organizationId, member.userId)
      await updateRole(tx, member.organizationId, member.userId, member.role)
      await journal.record(tx, actions['members.role_changed'], {
        ...aboutMember(actor, member),
        data: { role: member.role, previous_role: before },
      })
    },

    /** @throws IdentSphereError `conflict` for the last owner, `not_found` if the user is not a member */
    async removeMember(tx: Tx, member: Membership, actor: Actor): Promise<void> {
      const role = await lockedRole(tx, member)
      if (role === 'owner') await assertAnotherOwner(tx, member.organizationId, member.userId)
      await deleteMembership(tx, member.organizationId, member.userId)
      await journal.record(tx, actions['members.removed'], { ...aboutMember(actor, member), data: { role } })
    },

    /** Sets whether members need a second factor. @throws IdentSphereError `not_found` */
    async requireMfa(tx: Tx, organizationId: string, required: boolean, actor: Actor): Promise<void> {
      if (!(await changeSettings(tx, organizationId, { require_mfa: required }))) throw noOrganization()
      await journal.record(tx, actions['organizations.updated'], {
        ...actor,
        organizationId,
        resource: { type: 'organization', id: organizationId },
        data: { require_mfa: required },
      })
    },

    /** Deletes all memberships of a user, and organizations without other members. */
    leaveAll,

    /**
     * Makes a user a member. The default role of a new member is `member`. Without `role`, an existing member keeps the role.
     *
     * @throws IdentSphereError `not_found`
     */
    async ensureMember(tx: Tx, organizationId: string, userId: string, role: Role | undefined): Promise<void> {
      await lock(tx, organizationId)
      const before = await roleOf(tx, organizationId, userId)
      if (before === undefined) await insertMembership(tx, { organizationId, userId, role: role ?? 'member' })
      else if (role !== undefined) await updateRole(tx, organizationId, userId, role)
    },

    /** The active organization of new sessions: the first one that the user joined, or null. */
    defaultFor: firstOrganizationOf,
  }
}

const noOrganization = () => new IdentSphereError('not_found', { message: 'Organization not found.' })

export type Organizations = ReturnType<typeof createOrganizations>
