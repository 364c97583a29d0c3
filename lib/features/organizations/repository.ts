import type { Role } from '../../core/auth.js'
import { sql } from '../../core/store/sql.js'
import type { Executor, Tx } from '../../core/store/store.js'
import { type Query, query } from '../../core/store/together.js'

/** Inserts an organization with its first owner. @returns false if the slug is taken */
export async function insertOrganization(
  tx: Tx,
  organization: { id: string; name: string; slug: string; ownerId: string },
): Promise<boolean> {
  const { id, name, slug, ownerId } = organization
  const rows = await tx.sql`
    WITH organization AS (
      INSERT INTO ${tx.table('organizations')} (id, name, slug, created_at, updated_at)
      VALUES (${id}, ${name}, ${slug}, ${tx.now}, ${tx.now}) ON CONFLICT (slug) DO NOTHING RETURNING id
    )
    INSERT INTO ${tx.table('organization_memberships')} (organization_id, user_id, role, created_at)
    SELECT id, ${ownerId}, 'owner', ${tx.now} FROM organization RETURNING 1`
  return rows.length > 0
}

export async function insertMembership(
  tx: Tx,
  membership: { organizationId: string; userId: string; role: Role },
): Promise<void> {
  const { organizationId, userId, role } = membership
  await tx.sql`
    INSERT INTO ${tx.table('organization_memberships')} (organization_id, user_id, role, created_at)
    VALUES (${organizationId}, ${userId}, ${role}, ${tx.now})`
}

export function firstOrganizationOf(db: Executor, userId: string): Query<string | null> {
  return query<{ id: string }, string | null>(
    sql`
      SELECT o.id FROM ${db.table('organization_memberships')} m
      JOIN ${db.table('organizations')} o ON o.id = m.organization_id AND o.deleted_at IS NULL
      WHERE m.user_id = ${userId} ORDER BY m.created_at, m.organization_id LIMIT 1`,
    ([row]) => row?.id ?? null,
  )
}

/**
 * Takes a user out of every organisation, and ends those that nobody is left in: without their name, which is often the
 * person's own. No slug has an underscore, so nobody can have taken the one that stands in its place.
 */
export async function leaveAll(tx: Tx, userId: string): Promise<void> {
  await tx.sql`
    WITH left_behind AS (
      DELETE FROM ${tx.table('organization_memberships')} WHERE user_id = ${userId} RETURNING organization_id
    )
    UPDATE ${tx.table('organizations')} o
    SET name = 'Erased', slug = 'erased_' || o.id, deleted_at = ${tx.now}, updated_at = ${tx.now}
    FROM left_behind l
    WHERE o.id = l.organization_id AND o.deleted_at IS NULL AND NOT EXISTS (
      SELECT 1 FROM ${tx.table('organization_memberships')} m WHERE m.organization_id = o.id AND m.user_id <> ${userId}
    )`
}

export interface OrganizationRow {
  id: string
  name: string
  slug: string
  created_at: Date
}

export interface MemberRow {
  user_id: string
  email: string
  display_name: string | null
  role: Role
  created_at: Date
}

export async function findOrganization(db: Executor, id: string): Promise<OrganizationRow | undefined> {
  const [row] = await db.sql<OrganizationRow>`
    SELECT id, name, slug, created_at FROM ${db.table('organizations')} WHERE id = ${id} AND deleted_at IS NULL`
  return row
}

/**
 * Holds up every other change of this organisation's members until the end of the transaction. It writes, because under
 * REPEATABLE READ a lock alone would let the next one go on with members as they were before.
 *
 * @returns false where there is no such organisation
 */
export async function lockMembers(tx: Tx, organizationId: string): Promise<boolean> {
  const rows = await tx.sql`
    UPDATE ${tx.table('organizations')} SET updated_at = ${tx.now}
    WHERE id = ${organizationId} AND deleted_at IS NULL RETURNING 1`
  return rows.length > 0
}

export async function listMembers(db: Executor, organizationId: string): Promise<MemberRow[]> {
  return db.sql<MemberRow>`
    SELECT m.user_id, u.email, u.display_name, m.role, m.created_at
    FROM ${db.table('organization_memberships')} m JOIN ${db.table('users')} u ON u.id = m.user_id
    WHERE m.organization_id = ${organizationId} ORDER BY m.created_at, m.user_id`
}

export async function roleOf(db: Executor, organizationId: string, userId: string): Promise<Role | undefined> {
  const [row] = await db.sql<{ role: Role }>`
    SELECT role FROM ${db.table('organization_memberships')}
    WHERE organization_id = ${organizationId} AND user_id = ${userId}`
  return row?.role
}

/** Whether anybody but this user owns the organisation. */
export async function hasOtherOwner(db: Executor, organizationId: string, userId: string): Promise<boolean> {
  const rows = await db.sql`
    SELECT 1 FROM ${db.table('organization_memberships')}
    WHERE organization_id = ${organizationId} AND role = 'owner' AND user_id <> ${userId} LIMIT 1`
  return rows.length > 0
}

export async function updateRole(tx: Tx, organizationId: string, userId: string, role: Role): Promise<void> {
  await tx.sql`
    UPDATE ${tx.table('organization_memberships')} SET role = ${role}
    WHERE organization_id = ${organizationId} AND user_id = ${userId}`
}

export async function deleteMembership(tx: Tx, organizationId: string, userId: string): Promise<void> {
  await tx.sql`
    DELETE FROM ${tx.table('organization_memberships')}
    WHERE organization_id = ${organizationId} AND user_id = ${userId}`
}

export async function listMembershipsOf(
  db: Executor,
  userId: string,
): Promise<Array<{ organization_id: string; name: string; role: Role; joined_at: Date }>> {
  return db.sql`
    SELECT m.organization_id, o.name, m.role, m.created_at AS joined_at
    FROM ${db.table('organization_memberships')} m JOIN ${db.table('organizations')} o ON o.id = m.organization_id
    WHERE m.user_id = ${userId} ORDER BY m.organization_id`
}

/** Organisations with other members, of which nobody else is an owner. */
export async function onlyOwnedWithOthers(db: Executor, userId: string): Promise<Array<{ id: string; name: string }>> {
  return db.sql`
    SELECT o.id, o.name FROM ${db.table('organization_memberships')} m
    JOIN ${db.table('organizations')} o ON o.id = m.organization_id AND o.deleted_at IS NULL
    WHERE m.user_id = ${userId} AND m.role = 'owner'
      AND EXISTS (SELECT 1 FROM ${db.table('organization_memberships')} x
                  WHERE x.organization_id = o.id AND x.user_id <> m.user_id)
      AND NOT EXISTS (SELECT 1 FROM ${db.table('organization_memberships')} x
                      WHERE x.organization_id = o.id AND x.user_id <> m.user_id AND x.role = 'owner')
    ORDER BY o.id`
}

/** Sets some of an organisation's settings and leaves the others. @returns false for one that does not exist */
export async function changeSettings(
  tx: Tx,
  id: string,
  settings: Readonly<Record<string, boolean>>,
): Promise<boolean> {
  const rows = await tx.sql`
    UPDATE ${tx.table('organizations')} SET settings = settings || ${JSON.stringify(settings)}::jsonb, updated_at = ${tx.now}
    WHERE id = ${id} AND deleted_at IS NULL RETURNING 1`
  return rows.length > 0
}
