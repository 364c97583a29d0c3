import type { Role } from '../http/auth.js'
import type { Tx } from '../store/store.js'

/** @returns false where the slug is taken */
export async function insertOrganization(
  tx: Tx,
  organization: { id: string; name: string; slug: string },
): Promise<boolean> {
  const rows = await tx
    .table('organizations')
    .insert({ ...organization, created_at: tx.now, updated_at: tx.now } as never)
    .onConflict('slug')
    .ignore()
    .returning('id')
  return rows.length > 0
}

export async function insertMembership(
  tx: Tx,
  membership: { organizationId: string; userId: string; role: Role },
): Promise<void> {
  await tx.table('organization_memberships').insert({
    organization_id: membership.organizationId,
    user_id: membership.userId,
    role: membership.role,
    created_at: tx.now,
  } as never)
}

export async function firstOrganizationOf(tx: Tx, userId: string): Promise<string | null> {
  const [row] = await tx.sql<{ id: string }>(
    `SELECT o.id FROM ${tx.schema}.organization_memberships m
     JOIN ${tx.schema}.organizations o ON o.id = m.organization_id AND o.deleted_at IS NULL
     WHERE m.user_id = ? ORDER BY m.created_at, m.organization_id LIMIT 1`,
    [userId],
  )
  return row?.id ?? null
}

/** Takes a user out of every organisation, and ends those that nobody is left in. */
export async function leaveAll(tx: Tx, userId: string): Promise<void> {
  await tx.sql(
    `WITH left_behind AS (
       DELETE FROM ${tx.schema}.organization_memberships WHERE user_id = ? RETURNING organization_id
     )
     UPDATE ${tx.schema}.organizations o SET deleted_at = ${tx.nowSql}, updated_at = ${tx.nowSql}
     FROM left_behind l
     WHERE o.id = l.organization_id AND o.deleted_at IS NULL AND NOT EXISTS (
       SELECT 1 FROM ${tx.schema}.organization_memberships m WHERE m.organization_id = o.id AND m.user_id <> ?
     )`,
    [userId, userId],
  )
}
