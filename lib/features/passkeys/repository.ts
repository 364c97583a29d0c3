import { uuidv7 } from '../../core/crypto/random.js'
import type { Executor, Tx } from '../../core/store/store.js'

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
const columns = (table: string) =>
  `${table}.id, ${table}.user_id, ${table}.credential_id, ${table}.public_key, ${table}.sign_count::float8 AS sign_count,
   ${table}.transports, ${table}.aaguid, ${table}.backup_eligible, ${table}.backed_up, ${table}.label,
   ${table}.created_at, ${table}.last_used_at`

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
  await db.sql(
    `INSERT INTO ${db.schema}.webauthn_challenges (id, purpose, challenge, user_id, binding_hash, created_at, expires_at)
     VALUES (?, ?, ?, ?, ?, ${db.nowSql}, ${db.nowSql} + ? * interval '1 second')`,
    [
      uuidv7(),
      challenge.purpose,
      challenge.challenge,
      challenge.userId,
      challenge.bindingHash,
      challenge.lifetimeSeconds,
    ],
  )
}

/** Takes a challenge away. Of any number of parallel calls one gets it. */
export async function takeChallenge(db: Executor, challenge: Buffer): Promise<ChallengeRow | undefined> {
  const [row] = await db.sql<ChallengeRow>(
    `DELETE FROM ${db.schema}.webauthn_challenges WHERE challenge = ?
     RETURNING purpose, user_id, binding_hash, expires_at > ${db.nowSql} AS is_live`,
    [challenge],
  )
  return row
}

export async function deleteChallenges(tx: Tx, userId: string): Promise<void> {
  await tx.sql(`DELETE FROM ${tx.schema}.webauthn_challenges WHERE user_id = ?`, [userId])
}

/**
 * Adds a passkey in one statement, behind a lock on its user, so that parallel ones are counted one after the other.
 *
 * @returns `taken` where the credential is somebody's already, `full` where the user has ten
 */
export async function insertPasskey(tx: Tx, passkey: NewPasskey): Promise<PasskeyRow | 'taken' | 'full'> {
  await lockUser(tx, passkey.userId)
  const [row] = await tx.sql<PasskeyRow>(
    `INSERT INTO ${tx.schema}.user_passkeys AS p (id, user_id, credential_id, public_key, sign_count, transports, aaguid,
       backup_eligible, backed_up, label, created_at)
     SELECT ?, ?::uuid, ?, ?, ?, ?, ?, ?, ?, ?, ${tx.nowSql}
     WHERE (SELECT count(*) FROM ${tx.schema}.user_passkeys o WHERE o.user_id = ?) < ${mostPasskeys}
     ON CONFLICT (credential_id) DO NOTHING
     RETURNING ${columns('p')}`,
    [
      uuidv7(),
      passkey.userId,
      passkey.credentialId,
      Buffer.from(passkey.publicKey),
      passkey.signCount,
      passkey.transports,
      passkey.aaguid,
      passkey.backupEligible,
      passkey.backedUp,
      passkey.label,
      passkey.userId,
    ],
  )
  if (row !== undefined) return row
  const known = await tx.sql(`SELECT 1 FROM ${tx.schema}.user_passkeys WHERE credential_id = ?`, [passkey.credentialId])
  return known.length > 0 ? 'taken' : 'full'
}

async function lockUser(tx: Tx, userId: string): Promise<void> {
  await tx.sql(`SELECT 1 FROM ${tx.schema}.users WHERE id = ? FOR UPDATE`, [userId])
}

export async function listPasskeys(db: Executor, userId: string): Promise<PasskeyRow[]> {
  return db.sql(
    `SELECT ${columns('p')} FROM ${db.schema}.user_passkeys p WHERE p.user_id = ? ORDER BY p.created_at, p.id`,
    [userId],
  )
}

export async function findUsablePasskey(db: Executor, credentialId: string): Promise<UsablePasskey | undefined> {
  const [row] = await db.sql<UsablePasskey>(
    `SELECT ${columns('p')}, u.security_version
     FROM ${db.schema}.user_passkeys p JOIN ${db.schema}.users u ON u.id = p.user_id
     WHERE p.credential_id = ? AND u.status = 'active'`,
    [credentialId],
  )
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
  used: { signCount: number; backedUp: boolean },
): Promise<boolean> {
  const rows = await db.sql(
    `UPDATE ${db.schema}.user_passkeys SET sign_count = ?, backed_up = ?, last_used_at = ${db.nowSql}
     WHERE id = ? AND (sign_count < ? OR (sign_count = 0 AND ? = 0)) RETURNING 1`,
    [used.signCount, used.backedUp, id, used.signCount, used.signCount],
  )
  return rows.length > 0
}

export async function renamePasskey(
  db: Executor,
  userId: string,
  id: string,
  label: string,
): Promise<PasskeyRow | undefined> {
  const [row] = await db.sql<PasskeyRow>(
    `UPDATE ${db.schema}.user_passkeys p SET label = ? WHERE p.id = ? AND p.user_id = ? RETURNING ${columns('p')}`,
    [label, id, userId],
  )
  return row
}

/** Removes a passkey, unless it is the last one of a user without a password. */
export async function deletePasskey(tx: Tx, userId: string, id: string): Promise<'removed' | 'last' | 'none'> {
  await lockUser(tx, userId)
  const rows = await tx.sql(
    `DELETE FROM ${tx.schema}.user_passkeys p USING ${tx.schema}.users u
     WHERE p.id = ? AND p.user_id = ? AND u.id = p.user_id AND (
       u.password_hash IS NOT NULL
       OR EXISTS (SELECT 1 FROM ${tx.schema}.user_passkeys o WHERE o.user_id = p.user_id AND o.id <> p.id)
     ) RETURNING 1`,
    [id, userId],
  )
  if (rows.length > 0) return 'removed'
  const own = await tx.sql(`SELECT 1 FROM ${tx.schema}.user_passkeys WHERE id = ? AND user_id = ?`, [id, userId])
  return own.length > 0 ? 'last' : 'none'
}

/** @param since those that were added from this moment on; null: all */
export async function deletePasskeys(tx: Tx, userId: string, since: Date | null): Promise<void> {
  await tx.sql(
    `DELETE FROM ${tx.schema}.user_passkeys
     WHERE user_id = ? AND created_at >= coalesce(?::timestamptz, '-infinity')`,
    [userId, since],
  )
}

export async function hasPasskey(db: Executor, userId: string): Promise<boolean> {
  const rows = await db.sql(`SELECT 1 FROM ${db.schema}.user_passkeys WHERE user_id = ? LIMIT 1`, [userId])
  return rows.length > 0
}

/** What is held about a user's passkeys, without the keys. */
export async function exportPasskeys(db: Executor, userId: string): Promise<object[]> {
  return db.sql(
    `SELECT id, label, aaguid, transports, backup_eligible, backed_up, created_at, last_used_at
     FROM ${db.schema}.user_passkeys WHERE user_id = ? ORDER BY created_at`,
    [userId],
  )
}
