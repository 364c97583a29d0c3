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

/** @param known what becomes of a member that they are already: the new role, or the one they have */
export async function insertMembership(
  tx: Tx,
  membership: { organizationId: string; userId: string; role: Role },
  known: 'merge' | 'ignore' = 'merge',
): Promise<void> {
  const insertion = tx
    .table('organization_memberships')
    .insert({
      organization_id: membership.organizationId,
      user_id: membership.userId,
      role: membership.role,
      created_at: tx.now,
    } as never)
    .onConflict(['organization_id', 'user_id'])

  await (known === 'merge' ? insertion.merge(['role']) : insertion.ignore())
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
