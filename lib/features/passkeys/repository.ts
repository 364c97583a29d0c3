import { uuidv7 } from '../../core/crypto/random.js'
import { takeOnce } from '../../core/store/single-use.js'
import { sql } from '../../core/store/sql.js'
import type { Executor, Tx } from '../../core/store/store.js'
import { type Query, query } from '../../core/store/together.js'

/** Passkeys that one user may have. */
export const mostPasskeys = 10

/** What a challenge may be answered for. One that was made for another purpose answers nothing. */
export type Purpose = 'registration' | 'login' | 'challenge' | 'step_up'

export interface ChallengeRow {
  purpose: Purpose
  user_id: string | null
  binding_hash: Buffer
  is_live: boolean
}

export interface PasskeyRow {
  id: string
  user_id: string
  credential_id: string
  public_key: Buffer
  sign_count: number
  transports: string[]
  aaguid: string
  backup_eligible: boolean
  backed_up: boolean
  label: string | null
  created_at: Date
  last_used_at: Date | null
}

/** A passkey of an account in use, with the account's security version. */
export type UsablePasskey = PasskeyRow & { security_version: number }

export interface NewPasskey {
  userId: string
  credentialId: string
  publicKey: Uint8Array
  signCount: number
  transports: readonly string[]
  aaguid: string
  backupEligible: boolean
  backedUp: boolean
  label: string | null
}

// The counter has 32 bits, and the driver reads a bigint as text.
const columns = sql`
  p.id, p.user_id, p.credential_id, p.public_key, p.sign_count::float8 AS sign_count, p.transports, p.aaguid,
  p.backup_eligible, p.backed_up, p.label, p.created_at, p.last_used_at`

export async function insertChallenge(
  db: Executor,
  challenge: {
    purpose: Purpose
    challenge: Buffer
    userId: string | null
    bindingHash: Buffer
    lifetimeSeconds: number
  },
): Promise<void> {
  await db.sql`
    INSERT INTO ${db.table('webauthn_challenges')} (id, purpose, challenge, user_id, binding_hash, created_at, expires_at)
    VALUES (${uuidv7()}, ${challenge.purpose}, ${challenge.challenge}, ${challenge.userId}, ${challenge.bindingHash},
      ${db.now}, ${db.now} + ${challenge.lifetimeSeconds} * interval '1 second')`
}

/** Takes a challenge away. Of any number of parallel calls one gets it. */
export async function takeChallenge(db: Executor, challenge: Buffer): Promise<ChallengeRow | undefined> {
  return takeOnce<ChallengeRow>(db, {
    table: 'webauthn_challenges',
    where: sql`challenge = ${challenge}`,
    returning: sql`purpose, user_id, binding_hash, expires_at > ${db.now} AS is_live`,
  })
}

export async function deleteChallenges(tx: Tx, userId: string): Promise<void> {
  await tx.sql`DELETE FROM ${tx.table('webauthn_challenges')} WHERE user_id = ${userId}`
}

/**
 * Adds a passkey in one statement, behind a lock on its user, so that parallel ones are counted one after the other.
 *
 * @returns `taken` where the credential is somebody's already, `full` where the user has ten
 */
export async function insertPasskey(tx: Tx, passkey: NewPasskey): Promise<PasskeyRow | 'taken' | 'full'> {
  await lockUser(tx, passkey.userId)
  const publicKey = Buffer.from(passkey.publicKey)
  const [row] = await tx.sql<PasskeyRow>`
    INSERT INTO ${tx.table('user_passkeys')} AS p (id, user_id, credential_id, public_key, sign_count, transports, aaguid,
      backup_eligible, backed_up, label, created_at)
    SELECT ${uuidv7()}, ${passkey.userId}::uuid, ${passkey.credentialId}, ${publicKey}, ${passkey.signCount},
      ${passkey.transports}, ${passkey.aaguid}, ${passkey.backupEligible}, ${passkey.backedUp}, ${passkey.label}, ${tx.now}
    WHERE (SELECT count(*) FROM ${tx.table('user_passkeys')} o WHERE o.user_id = ${passkey.userId}) < ${mostPasskeys}
    ON CONFLICT (credential_id) DO NOTHING
    RETURNING ${columns}`
  if (row !== undefined) return row
  const known = await tx.sql`SELECT 1 FROM ${tx.table('user_passkeys')} WHERE credential_id = ${passkey.credentialId}`
  return known.length > 0 ? 'taken' : 'full'
}

async function lockUser(tx: Tx, userId: string): Promise<void> {
  await tx.sql`SELECT 1 FROM ${tx.table('users')} WHERE id = ${userId} FOR UPDATE`
}

export async function listPasskeys(db: Executor, userId: string): Promise<PasskeyRow[]> {
  return db.sql`
    SELECT ${columns} FROM ${db.table('user_passkeys')} p WHERE p.user_id = ${userId} ORDER BY p.created_at, p.id`
}

export async function findUsablePasskey(db: Executor, credentialId: string): Promise<UsablePasskey | undefined> {
  const [row] = await db.sql<UsablePasskey>`
    SELECT ${columns}, u.security_version
    FROM ${db.table('user_passkeys')} p JOIN ${db.table('users')} u ON u.id = p.user_id
    WHERE p.credential_id = ${credentialId} AND u.status = 'active'`
  return row
}

/**
 * Moves a passkey's counter on, in one statement: of two assertions with the same count one gets it. Authenticators that do
 * not count say 0 each time.
 *
 * @returns false where the count has not grown, as that of a cloned authenticator
 */
export async function moveCounter(
  db: Executor,
  id: string,
  { signCount, backedUp }: { signCount: number; backedUp: boolean },
): Promise<boolean> {
  const rows = await db.sql`
    UPDATE ${db.table('user_passkeys')} SET sign_count = ${signCount}, backed_up = ${backedUp}, last_used_at = ${db.now}
    WHERE id = ${id} AND (sign_count < ${signCount} OR (sign_count = 0 AND ${signCount}::bigint = 0)) RETURNING 1`
  return rows.length > 0
}

export async function renamePasskey(
  db: Executor,
  userId: string,
  id: string,
  label: string,
): Promise<PasskeyRow | undefined> {
  const [row] = await db.sql<PasskeyRow>`
    UPDATE ${db.table('user_passkeys')} p SET label = ${label} WHERE p.id = ${id} AND p.user_id = ${userId}
    RETURNING ${columns}`
  return row
}

/** Removes a passkey, unless it is the last one of a user without a password. */
export async function deletePasskey(tx: Tx, userId: string, id: string): Promise<'removed' | 'last' | 'none'> {
  await lockUser(tx, userId)
  const rows = await tx.sql`
    DELETE FROM ${tx.table('user_passkeys')} p USING ${tx.table('users')} u
    WHERE p.id = ${id} AND p.user_id = ${userId} AND u.id = p.user_id AND (
      u.password_hash IS NOT NULL
      OR EXISTS (SELECT 1 FROM ${tx.table('user_passkeys')} o WHERE o.user_id = p.user_id AND o.id <> p.id)
    ) RETURNING 1`
  if (rows.length > 0) return 'removed'
  const own = await tx.sql`SELECT 1 FROM ${tx.table('user_passkeys')} WHERE id = ${id} AND user_id = ${userId}`
  return own.length > 0 ? 'last' : 'none'
}

/** @param since those that were added from this moment on; null: all */
export async function deletePasskeys(tx: Tx, userId: string, since: Date | null): Promise<void> {
  await tx.sql`
    DELETE FROM ${tx.table('user_passkeys')}
    WHERE user_id = ${userId} AND created_at >= coalesce(${since}::timestamptz, '-infinity')`
}

export function hasPasskey(db: Executor, userId: string): Query<boolean> {
  return query(
    sql`SELECT 1 AS found FROM ${db.table('user_passkeys')} WHERE user_id = ${userId} LIMIT 1`,
    (rows) => rows.length > 0,
  )
}

/** What is held about a user's passkeys, without the keys. */
export async function exportPasskeys(db: Executor, userId: string): Promise<object[]> {
  return db.sql`
    SELECT id, label, aaguid, transports, backup_eligible, backed_up, created_at, last_used_at
    FROM ${db.table('user_passkeys')} WHERE user_id = ${userId} ORDER BY created_at`
}
