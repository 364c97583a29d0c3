import { z } from 'zod'
import type { Role } from '../../core/auth.js'
import { noRequest } from '../../core/context.js'
import { plainText } from '../../core/http/fields.js'
import type { HostCallOptions, HostCalls } from '../../core/store/host-calls.js'
import { roles } from './roles.js'
import { organizationSlug } from './schemas.js'
import { longestOrganizationName, type MemberRow, type OrganizationRow, type Organizations } from './service.js'

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

/** `identsphere.api.organizations`. An organization always has at least one owner, also under concurrent calls. */
export interface OrganizationsApi {
  /**
   * Creates an organization with its owner. Without a slug, the name is the base of a new slug.
   *
   * @throws IdentSphereError `conflict` if the slug is taken, `not_found` if the owner does not exist
   */
  create(input: { name: string; slug?: string; ownerId: string }, options?: HostCallOptions): Promise<Organization>
  /** Lists the members in the order in which they joined. @throws IdentSphereError `not_found` */
  members(organizationId: string, options?: HostCallOptions): Promise<Member[]>
  /** @throws IdentSphereError `conflict` if the user is already a member, `not_found` */
  addMember(input: { organizationId: string; userId: string; role: Role }, options?: HostCallOptions): Promise<void>
  /**
   * Sets whether members need a second factor. Then guards deny sessions in this organization without one, from the next request
   * on.
   *
   * @throws IdentSphereError `not_found`
   */
  requireMfa(input: { organizationId: string; required: boolean }, options?: HostCallOptions): Promise<void>
  /** @throws IdentSphereError `conflict` for the last owner, `not_found` if the user is not a member */
  setRole(input: { organizationId: string; userId: string; role: Role }, options?: HostCallOptions): Promise<void>
  /** @throws IdentSphereError `conflict` for the last owner, `not_found` if the user is not a member */
  removeMember(input: { organizationId: string; userId: string }, options?: HostCallOptions): Promise<void>
}

export function organizationsApi(deps: { calls: HostCalls; organizations: Organizations }): OrganizationsApi {
  const { calls, organizations } = deps
  const byId = z.strictObject({ organizationId: z.uuid() })
  const membership = byId.extend({ userId: z.uuid() })
  const membershipWithRole = membership.extend({ role: z.enum(roles) })
  const newOrganization = z.strictObject({
    name: plainText(longestOrganizationName),
    slug: organizationSlug.optional(),
    ownerId: z.uuid(),
  })
  const host = () => ({ actorId: null, context: noRequest() })

  return {
    create: (given, callOptions) =>
      calls.write(newOrganization, given, callOptions, async (tx, { name, slug = null, ownerId }) =>
        describe(await organizations.found(tx, { name, slug, ownerId }, host())),
      ),

    members: (organizationId, given) =>
      calls.read(byId, { organizationId }, given, async (db, input) =>
        (await organizations.members(db, input.organizationId)).map(describeMember),
      ),

    addMember: (given, callOptions) =>
      calls.write(membershipWithRole, given, callOptions, (tx, member) => organizations.addMember(tx, member, host())),

    requireMfa: (given, callOptions) =>
      calls.write(byId.extend({ required: z.boolean() }), given, callOptions, (tx, { organizationId, required }) =>
        organizations.requireMfa(tx, organizationId, required, host()),
      ),

    setRole: (given, callOptions) =>
      calls.write(membershipWithRole, given, callOptions, (tx, member) => organizations.setRole(tx, member, host())),

    removeMember: (given, callOptions) =>
      calls.write(membership, given, callOptions, (tx, member) => organizations.removeMember(tx, member, host())),
  }
}

function describe(row: OrganizationRow): Organization {
  return { organizationId: row.id, name: row.name, slug: row.slug, createdAt: row.created_at }
}

function describeMember(row: MemberRow): Member {
  return {
    userId: row.user_id,
    email: row.email,
    displayName: row.display_name,
    role: row.role,
    joinedAt: row.created_at,
  }
}
