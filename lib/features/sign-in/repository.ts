import { countAttempt, useOnce } from '../../core/store/single-use.js'
import { sql } from '../../core/store/sql.js'
import type { Executor, Tx } from '../../core/store/store.js'

export interface ChallengeRow {
  id: string
  user_id: string
  organization_id: string | null
  auth_method: string
  amr: string[]
  security_version: number
  attempts: number
}

export interface NewChallenge {
  id: string
  userId: string
  organizationId: string | null
  authMethod: string
  amr: readonly string[]
  securityVersion: number
  ipAddress: string | null
  userAgent: string | null
  lifetimeSeconds: number
}

/** Misses that one challenge survives, and the one that burns it. */
export const triesPerChallenge = 5

/** @returns false if the user's status or security version changed since the credential was read */
export async function insertChallenge(tx: Tx, challenge: NewChallenge): Promise<boolean> {
  const rows = await tx.sql`
    INSERT INTO ${tx.table('mfa_challenges')} (id, user_id, organization_id, purpose, auth_method, amr, security_version,
      ip_address, user_agent, created_at, expires_at)
    SELECT ${challenge.id}, id, ${challenge.organizationId}, 'sign_in', ${challenge.authMethod}, ${challenge.amr},
      security_version, ${challenge.ipAddress}, ${challenge.userAgent}, ${tx.now},
      ${tx.now} + ${challenge.lifetimeSeconds} * interval '1 second'
    FROM ${tx.table('users')}
    WHERE id = ${challenge.userId} AND status = 'active' AND security_version = ${challenge.securityVersion}
    FOR KEY SHARE
    RETURNING 1`
  return rows.length > 0
}

/** A challenge that is open, of a user whose credentials are still those that began it. */
export async function findChallenge(db: Executor, id: string): Promise<ChallengeRow | undefined> {
  const [row] = await db.sql<ChallengeRow>`
    SELECT c.id, c.user_id, c.organization_id, c.auth_method, c.amr, c.security_version, c.attempts
    FROM ${db.table('mfa_challenges')} c JOIN ${db.table('users')} u ON u.id = c.user_id
    WHERE c.id = ${id} AND c.consumed_at IS NULL AND c.expires_at > ${db.now}
      AND u.status = 'active' AND u.security_version = c.security_version`
  return row
}

/** Spends one try. @returns how many were spent with it; undefined where none was left */
export async function spendTry(db: Executor, id: string): Promise<number | undefined> {
  const row = await countAttempt<{ attempts: number }>(db, {
    table: 'mfa_challenges',
    where: sql`id = ${id} AND consumed_at IS NULL AND expires_at > ${db.now}`,
    limit: triesPerChallenge,
    returning: sql`attempts`,
  })
  return row?.attempts
}

/** Uses a challenge up. Of any number of parallel calls one gets it. */
export async function consumeChallenge(tx: Tx, id: string): Promise<boolean> {
  const consumed = await useOnce(tx, {
    table: 'mfa_challenges',
    where: sql`id = ${id} AND expires_at > ${tx.now}`,
    unused: sql`consumed_at IS NULL`,
    use: sql`consumed_at = ${tx.now}`,
  })
  return consumed !== undefined
}

export async function listChallenges(db: Executor, userId: string): Promise<object[]> {
  return db.sql`
    SELECT auth_method, ip_address, user_agent, created_at, expires_at, consumed_at
    FROM ${db.table('mfa_challenges')} WHERE user_id = ${userId} ORDER BY created_at`
}

export async function deleteChallenges(tx: Tx, userId: string): Promise<void> {
  await tx.sql`DELETE FROM ${tx.table('mfa_challenges')} WHERE user_id = ${userId}`
}
