import { useOnce } from '../../core/store/single-use.js'
import { sql } from '../../core/store/sql.js'
import type { Executor, Tx } from '../../core/store/store.js'
import { type Query, query } from '../../core/store/together.js'

/** Whether the user has a confirmed factor, and codes left that stand in for it. */
export function findEnrolled(db: Executor, userId: string): Query<{ hasCodes: boolean } | undefined> {
  return query<{ has_codes: boolean }, { hasCodes: boolean } | undefined>(
    sql`
      SELECT EXISTS (
        SELECT 1 FROM ${db.table('user_recovery_codes')} c WHERE c.user_id = f.user_id AND c.used_at IS NULL
      ) AS has_codes
      FROM ${db.table('mfa_factors')} f WHERE f.user_id = ${userId} AND f.kind = 'totp' AND f.confirmed_at IS NOT NULL`,
    ([row]) => row && { hasCodes: row.has_codes },
  )
}

export async function countRecoveryCodes(db: Executor, userId: string): Promise<number> {
  const [row] = await db.sql<{ left: number }>`
    SELECT count(*)::integer AS left FROM ${db.table('user_recovery_codes')} WHERE user_id = ${userId} AND used_at IS NULL`
  return row?.left ?? 0
}

/** @returns whether there was a confirmed factor among them */
export async function deleteFactors(tx: Tx, userId: string, since: Date | null = null): Promise<boolean> {
  const rows = await tx.sql<{ confirmed: boolean }>`
    DELETE FROM ${tx.table('mfa_factors')}
    WHERE user_id = ${userId} AND coalesce(confirmed_at, 'infinity') >= coalesce(${since}::timestamptz, '-infinity')
    RETURNING confirmed_at IS NOT NULL AS confirmed`
  return rows.some(({ confirmed }) => confirmed)
}

export async function deletePendingFactor(tx: Tx, userId: string): Promise<void> {
  await tx.sql`DELETE FROM ${tx.table('mfa_factors')} WHERE user_id = ${userId} AND confirmed_at IS NULL`
}

/** @param since those that were made from this moment on; null: all */
export async function deleteRecoveryCodes(tx: Tx, userId: string, since: Date | null = null): Promise<void> {
  await tx.sql`
    DELETE FROM ${tx.table('user_recovery_codes')}
    WHERE user_id = ${userId} AND created_at >= coalesce(${since}::timestamptz, '-infinity')`
}

export interface FactorRow {
  id: string
  key_version: number
  sealed_secret: Buffer
}

/** Begins an enrolment, in place of one that was begun before and never confirmed. */
export async function insertPendingFactor(
  tx: Tx,
  factor: { id: string; userId: string; sessionId: string; keyVersion: number; sealedSecret: Buffer },
): Promise<void> {
  await tx.sql`
    INSERT INTO ${tx.table('mfa_factors')} (id, user_id, kind, key_version, sealed_secret, pending_session_id, created_at)
    VALUES (${factor.id}, ${factor.userId}, 'totp', ${factor.keyVersion}, ${factor.sealedSecret}, ${factor.sessionId}, ${tx.now})
    ON CONFLICT (user_id, kind) WHERE confirmed_at IS NULL DO UPDATE SET
      id = excluded.id, key_version = excluded.key_version, sealed_secret = excluded.sealed_secret,
      pending_session_id = excluded.pending_session_id, created_at = excluded.created_at`
}

/** What this session has begun to enrol no longer than `seconds` ago. */
export async function findPendingFactor(
  db: Executor,
  userId: string,
  sessionId: string,
  seconds: number,
): Promise<FactorRow | undefined> {
  const [row] = await db.sql<FactorRow>`
    SELECT id, key_version, sealed_secret FROM ${db.table('mfa_factors')}
    WHERE user_id = ${userId} AND confirmed_at IS NULL AND pending_session_id = ${sessionId}
      AND created_at > ${db.now} - ${seconds} * interval '1 second'`
  return row
}

const confirmedTotp = (userId: string) => sql`user_id = ${userId} AND kind = 'totp' AND confirmed_at IS NOT NULL`

export async function findConfirmedFactor(db: Executor, userId: string): Promise<FactorRow | undefined> {
  const [row] = await db.sql<FactorRow>`
    SELECT id, key_version, sealed_secret FROM ${db.table('mfa_factors')} WHERE ${confirmedTotp(userId)}`
  return row
}

/** Keeps the confirmed factor as it is until the transaction ends. @returns whether there is one */
export async function lockConfirmedFactor(tx: Tx, userId: string): Promise<boolean> {
  const rows = await tx.sql`SELECT 1 FROM ${tx.table('mfa_factors')} WHERE ${confirmedTotp(userId)} FOR UPDATE`
  return rows.length > 0
}

/** @returns since when there was one, or null */
export async function deleteConfirmedFactor(tx: Tx, userId: string): Promise<Date | null> {
  const [row] = await tx.sql<{ confirmed_at: Date }>`
    DELETE FROM ${tx.table('mfa_factors')} WHERE ${confirmedTotp(userId)} RETURNING confirmed_at`
  return row?.confirmed_at ?? null
}

/**
 * Makes an enrolment count; the step of the code that confirmed it is used. Of parallel calls one gets it.
 *
 * @param since of the factor in whose place it comes: whoever undoes what came later is still asked for it
 */
export async function confirmFactor(tx: Tx, id: string, step: number, since: Date | null): Promise<boolean> {
  const confirmed = await useOnce(tx, {
    table: 'mfa_factors',
    where: sql`id = ${id}`,
    unused: sql`confirmed_at IS NULL`,
    use: sql`confirmed_at = coalesce(${since}::timestamptz, ${tx.now}), pending_session_id = NULL, last_used_step = ${step}`,
  })
  return confirmed !== undefined
}

/** Uses a step up, and all before it. Of any number of parallel calls one gets it. */
export async function useStep(tx: Tx, id: string, step: number): Promise<boolean> {
  const used = await useOnce(tx, {
    table: 'mfa_factors',
    where: sql`id = ${id} AND confirmed_at IS NOT NULL`,
    unused: sql`last_used_step < ${step}`,
    use: sql`last_used_step = ${step}`,
  })
  return used !== undefined
}

export async function insertRecoveryCodes(
  tx: Tx,
  userId: string,
  codes: ReadonlyArray<{ id: string; hash: Buffer }>,
  keyVersion: number,
): Promise<void> {
  const ids = codes.map(({ id }) => id)
  const hashes = codes.map(({ hash }) => hash.toString('hex'))
  await tx.sql`
    INSERT INTO ${tx.table('user_recovery_codes')} (id, user_id, key_version, code_hash, created_at)
    SELECT id, ${userId}, ${keyVersion}, decode(hash, 'hex'), ${tx.now}
    FROM unnest(${ids}::uuid[], ${hashes}::text[]) AS codes (id, hash)`
}

/** Uses a code up, whichever of the keys it was stored under. Of any number of parallel calls one gets it. */
export async function useRecoveryCode(tx: Tx, userId: string, hashes: readonly Buffer[]): Promise<boolean> {
  const used = await useOnce(tx, {
    table: 'user_recovery_codes',
    where: sql`user_id = ${userId} AND code_hash = ANY (${hashes}::bytea[])`,
    unused: sql`used_at IS NULL`,
    use: sql`used_at = ${tx.now}`,
  })
  return used !== undefined
}

/** What is enrolled and what was used, without anything that is secret. */
export async function listFactors(db: Executor, userId: string): Promise<object[]> {
  return db.sql`
    SELECT kind, created_at, confirmed_at FROM ${db.table('mfa_factors')} WHERE user_id = ${userId} ORDER BY created_at`
}

export async function listRecoveryCodes(db: Executor, userId: string): Promise<object[]> {
  return db.sql`
    SELECT created_at, used_at FROM ${db.table('user_recovery_codes')} WHERE user_id = ${userId} ORDER BY created_at, id`
}
