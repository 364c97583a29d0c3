import { z } from 'zod'
import type { Role } from '../../core/auth.js'
import { noRequest } from '../../core/context.js'
import { IdentSphereError } from '../../core/errors.js'
import { plainText } from '../../core/http/fields.js'
import type { Journal } from '../../core/journal/journal.js'
import type { HostCallOptions, HostCalls } from '../../core/store/host-calls.js'
import type { Tx } from '../../core/store/store.js'
import {
  changeSettings,
  deleteMembership,
  findOrganization,
  hasOtherOwner,
  insertMembership,
  listMembers,
  lockMembers,
  roleOf,
  updateRole,
} from './repository.js'
import { roles } from './roles.js'
import { organizationSlug } from './schemas.js'
import { longestOrganizationName, type Organizations } from './service.js'

export interface Organization {
  organizationId: string
  name: string
  slug: string
  createdAt: Date
}

export interface Member {
  userId: string
  email: string
  displayName: string | null
  role: Role
  joinedAt: Date
}

/** `identsphere.api.organizations`. An organisation keeps an owner, whatever happens at the same time. */
export interface OrganizationsApi {
  /**
   * Makes an organisation with its owner. Without a slug one is made of the name.
   *
   * @throws IdentSphereError `conflict` where the slug is taken, `not_found` for an owner that does not exist
   */
  create(input: { name: string; slug?: string; ownerId: string }, options?: HostCallOptions): Promise<Organization>
  /** Its members, the one who joined first in front. @throws IdentSphereError `not_found` */
  members(organizationId: string, options?: HostCallOptions): Promise<Member[]>
  /** @throws IdentSphereError `conflict` for who is a member already, `not_found` */
  addMember(input: { organizationId: string; userId: string; role: Role }, options?: HostCallOptions): Promise<void>
  /**
   * Whether its members need a second factor: without one, their sessions in it pass no guard from the next request on.
   *
   * @throws IdentSphereError `not_found`
   */
  requireMfa(input: { organizationId: string; required: boolean }, options?: HostCallOptions): Promise<void>
  /** @throws IdentSphereError `conflict` where it would take the last owner, `not_found` for who is no member */
  setRole(input: { organizationId: string; userId: string; role: Role }, options?: HostCallOptions): Promise<void>
  /** @throws IdentSphereError `conflict` where it would take the last owner, `not_found` for who is no member */
  removeMember(input: { organizationId: string; userId: string }, options?: HostCallOptions): Promise<void>
}

export function organizationsApi(options: {
  calls: HostCalls
  journal: Journal
  organizations: Organizations
  userExists: (tx: Tx, userId: string) => Promise<boolean>
}): OrganizationsApi {
  const { calls, journal, organizations, userExists } = options
  const membership = z.strictObject({ organizationId: z.uuid(), userId: z.uuid() })
  const membershipWithRole = membership.extend({ role: z.enum(roles) })

  const noOrganization = () => new IdentSphereError('not_found', { message: 'There is no such organisation.' })

  async function assertUser(tx: Tx, userId: string): Promise<void> {
    if (!(await userExists(tx, userId))) {
      throw new IdentSphereError('not_found', { message: 'There is no such user.' })
    }
  }

  async function memberRole(tx: Tx, organizationId: string, userId: string): Promise<Role> {
    if (!(await lockMembers(tx, organizationId))) throw noOrganization()
    const role = await roleOf(tx, organizationId, userId)
    if (role === undefined) throw new IdentSphereError('not_found', { message: 'There is no such member.' })
    return role
  }

  /** Asked with the members locked, so nobody else can go meanwhile. */
  async function assertOwnerStays(tx: Tx, organizationId: string, userId: string): Promise<void> {
    if (await hasOtherOwner(tx, organizationId, userId)) return
    throw new IdentSphereError('conflict', { message: 'The last owner stays.' })
  }

  const facts = (organizationId: string, userId: string) => ({
    actorId: null,
    subjectId: userId,
    organizationId,
    resource: { type: 'user', id: userId },
    context: noRequest(),
  })

  return {
    create: (given, callOptions) =>
      calls.write(
        z.strictObject({
          name: plainText(longestOrganizationName),
          slug: organizationSlug.optional(),
          ownerId: z.uuid(),
        }),
        given,
        callOptions,
        async (tx, { name, slug = null, ownerId }) => {
          await assertUser(tx, ownerId)
          const id = await organizations.create(tx, { name, slug, ownerId })
          await journal.record(tx, 'organizations.created', {
            ...facts(id, ownerId),
            resource: { type: 'organization', id },
            data: { owner_id: ownerId },
          })
          const row = await findOrganization(tx, id)
          if (row === undefined) throw noOrganization()
          return { organizationId: row.id, name: row.name, slug: row.slug, createdAt: row.created_at }
        },
      ),

    members: (organizationId, given) =>
      calls.read(z.strictObject({ organizationId: z.uuid() }), { organizationId }, given, async (db, input) => {
        const rows = await listMembers(db, input.organizationId)
        if (rows.length === 0 && (await findOrganization(db, input.organizationId)) === undefined) {
          throw noOrganization()
        }
        return rows.map((row) => ({
          userId: row.user_id,
          email: row.email,
          displayName: row.display_name,
          role: row.role,
          joinedAt: row.created_at,
        }))
      }),

    addMember: (given, callOptions) =>
      calls.write(membershipWithRole, given, callOptions, async (tx, { organizationId, userId, role }) => {
        if (!(await lockMembers(tx, organizationId))) throw noOrganization()
        await assertUser(tx, userId)
        if ((await roleOf(tx, organizationId, userId)) !== undefined) {
          throw new IdentSphereError('conflict', { message: 'The user is a member already.' })
        }
        await insertMembership(tx, { organizationId, userId, role })
        await journal.record(tx, 'members.added', { ...facts(organizationId, userId), data: { role } })
      }),

    requireMfa: (given, callOptions) =>
      calls.write(
        z.strictObject({ organizationId: z.uuid(), required: z.boolean() }),
        given,
        callOptions,
        async (tx, { organizationId, required }) => {
          if (!(await changeSettings(tx, organizationId, { require_mfa: required }))) throw noOrganization()
          await journal.record(tx, 'organizations.updated', {
            actorId: null,
            organizationId,
            resource: { type: 'organization', id: organizationId },
            data: { require_mfa: required },
            context: noRequest(),
          })
        },
      ),

    setRole: (given, callOptions) =>
      calls.write(membershipWithRole, given, callOptions, async (tx, { organizationId, userId, role }) => {
        const before = await memberRole(tx, organizationId, userId)
        if (before === role) return
        if (before === 'owner') await assertOwnerStays(tx, organizationId, userId)
        await updateRole(tx, organizationId, userId, role)
        await journal.record(tx, 'members.role_changed', {
          ...facts(organizationId, userId),
          data: { role, previous_role: before },
        })
      }),

    removeMember: (given, callOptions) =>
      calls.write(membership, given, callOptions, async (tx, { organizationId, userId }) => {
        const role = await memberRole(tx, organizationId, userId)
        if (role === 'owner') await assertOwnerStays(tx, organizationId, userId)
        await deleteMembership(tx, organizationId, userId)
        await journal.record(tx, 'members.removed', { ...facts(organizationId, userId), data: { role } })
      }),
  }
}
