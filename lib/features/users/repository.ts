import { identifier, sql } from '../../core/store/sql.js'
import type { Executor, Tx } from '../../core/store/store.js'
import { command, type Query, query } from '../../core/store/together.js'

/** What a first factor is checked against. Read once; the version must still hold when the session is made. */
export interface UserCredentials {
  id: string
  email: string
  display_name: string | null
  status: 'active' | 'invited' | 'disabled' | 'deleted'
  password_hash: string | null
  email_verified_at: Date | null
  security_version: number
}

export interface ProfileRow {
  id: string
  email: string
  email_verified_at: Date | null
  display_name: string | null
  job_title: string | null
  phone_number: string | null
  bio: string | null
  preferences: Record<string, unknown>
  created_at: Date
  updated_at: Date
}

/** Fields of the profile that a user may change. Undefined leaves a field as it is. */
export interface ProfileChange {
  display_name?: string | null | undefined
  job_title?: string | null | undefined
  phone_number?: string | null | undefined
  bio?: string | null | undefined
  preferences?: Record<string, unknown> | undefined
}

const credentialColumns = sql`id, email, display_name, status, password_hash, email_verified_at, security_version`
const profileColumns = sql`
  id, email, email_verified_at, display_name, job_title, phone_number, bio, preferences, created_at, updated_at`

export async function credentialsByEmail(db: Executor, email: string): Promise<UserCredentials | undefined> {
  const [row] = await db.sql<UserCredentials>`
    SELECT ${credentialColumns} FROM ${db.table('users')} WHERE lower(email) = ${email}`
  return row
}

export async function credentialsById(db: Executor, id: string): Promise<UserCredentials | undefined> {
  const [row] = await db.sql<UserCredentials>`SELECT ${credentialColumns} FROM ${db.table('users')} WHERE id = ${id}`
  return row
}

/** Inserts a user. The result is false if the address is taken. */
export function insertingUser(
  tx: Tx,
  user: { id: string; email: string; displayName: string | null; passwordHash: string | null },
): Query<boolean> {
  const { id, email, displayName, passwordHash } = user
  return query(
    sql`
      INSERT INTO ${tx.table('users')}
        (id, email, display_name, password_hash, last_password_change, created_at, updated_at)
      VALUES (${id}, ${email}, ${displayName}, ${passwordHash}, CASE WHEN ${passwordHash !== null} THEN ${tx.now} END,
        ${tx.now}, ${tx.now})
      ON CONFLICT (lower(email)) DO NOTHING RETURNING 1 AS inserted`,
    (rows) => rows.length > 0,
  )
}

/** The same password under a better hash. Does nothing if the hash has changed meanwhile. */
export function upgradingPasswordHash(tx: Tx, userId: string, from: string, to: string): Query<void> {
  return command(
    sql`UPDATE ${tx.table('users')} SET password_hash = ${to} WHERE id = ${userId} AND password_hash = ${from}`,
  )
}

export async function findProfile(db: Executor, userId: string): Promise<ProfileRow | undefined> {
  const [row] = await db.sql<ProfileRow>`
    SELECT ${profileColumns} FROM ${db.table('users')} WHERE id = ${userId} AND status = 'active'`
  return row
}

/** One text for every set of fields, so that the number of statements does not grow with it. */
export async function updateProfile(tx: Tx, userId: string, change: ProfileChange): Promise<ProfileRow | undefined> {
  const { preferences } = change
  const text = (field: 'display_name' | 'job_title' | 'phone_number' | 'bio') => {
    const value = change[field]
    return sql`${identifier(field)} = CASE WHEN ${value !== undefined} THEN ${value ?? null} ELSE ${identifier(field)} END`
  }
  const [row] = await tx.sql<ProfileRow>`
    UPDATE ${tx.table('users')} SET
      ${text('display_name')}, ${text('job_title')}, ${text('phone_number')}, ${text('bio')},
      preferences = coalesce(${preferences === undefined ? null : JSON.stringify(preferences)}::jsonb, preferences),
      updated_at = ${tx.now}
    WHERE id = ${userId} AND status = 'active' RETURNING ${profileColumns}`
  return row
}

/** Waits until no other transaction creates something that belongs to the user, and keeps others from it until this one ends. */
export async function lockForErasure(tx: Tx, userId: string): Promise<void> {
  await tx.sql`SELECT 1 FROM ${tx.table('users')} WHERE id = ${userId} FOR UPDATE`
}

export interface UserRow {
  id: string
  email: string
  email_verified_at: Date | null
  display_name: string | null
  status: 'active' | 'invited' | 'disabled'
  external_id: string | null
  created_at: Date
  updated_at: Date
}

const userColumns = sql`id, email, email_verified_at, display_name, status, external_id, created_at, updated_at`

export async function findUser(
  db: Executor,
  by: { id: string } | { email: string } | { externalId: string },
): Promise<UserRow | undefined> {
  const wanted =
    'id' in by
      ? sql`id = ${by.id}`
      : 'email' in by
        ? sql`lower(email) = ${by.email}`
        : sql`external_id = ${by.externalId}`
  const [row] = await db.sql<UserRow>`
    SELECT ${userColumns} FROM ${db.table('users')} WHERE ${wanted} AND status <> 'deleted'`
  return row
}

/** @returns undefined where the address or the external id is taken */
export async function importUser(
  tx: Tx,
  user: {
    id: string
    email: string
    emailVerified: boolean
    externalId: string | null
    passwordHash: string | null
    displayName: string | null
  },
): Promise<UserRow | undefined> {
  const [row] = await tx.sql<UserRow>`
    INSERT INTO ${tx.table('users')}
      (id, email, email_verified_at, external_id, password_hash, display_name, created_at, updated_at)
    VALUES (${user.id}, ${user.email}, CASE WHEN ${user.emailVerified} THEN ${tx.now} END, ${user.externalId},
      ${user.passwordHash}, ${user.displayName}, ${tx.now}, ${tx.now})
    ON CONFLICT DO NOTHING RETURNING ${userColumns}`
  return row
}

/** What changes about a user's credentials together with the security version. */
export interface CredentialUpdate {
  /** Null: the user has no password from then on. */
  passwordHash?: string | null
  email?: string
  /** The address was proven just now. */
  isEmailProven?: true
  /** Only if the address was never proven before. */
  onlyIfUnverified?: true
  status?: { from: 'active' | 'disabled'; to: 'active' | 'disabled' }
  clearsProfile?: true
  /** Removes everything personal from the row, which stays for foreign keys of the host. */
  anonymizes?: true
}

/**
 * Moves the security version on, with whatever else changes. Sessions, challenges, links and trust of the old version are void with it.
 *
 * The address of an anonymized user has a domain of one label, which no account can have. Otherwise a registration with it could keep
 * others from being erased.
 *
 * @param expectedVersion if given, the version must still be this one, and the user active
 * @returns the new version; undefined if no row fits
 * @throws a unique violation if the new address is taken
 */
export async function bumpSecurityVersion(
  tx: Tx,
  userId: string,
  update: CredentialUpdate,
  expectedVersion?: number,
): Promise<number | undefined> {
  const { status, anonymizes = false } = update
  const clearsProfile = update.clearsProfile ?? anonymizes
  const setsPassword = update.passwordHash !== undefined || anonymizes
  const statuses = status !== undefined ? [status.from] : expectedVersion === undefined ? inUse : ['active']
  const { now } = tx
  const passwordHash = update.passwordHash ?? null
  const version = expectedVersion ?? null
  const [row] = await tx.sql<{ security_version: number }>`
    UPDATE ${tx.table('users')} SET security_version = security_version + 1,
      password_hash = CASE WHEN ${setsPassword} THEN ${passwordHash}::text ELSE password_hash END,
      last_password_change = CASE WHEN ${anonymizes} THEN NULL WHEN ${passwordHash}::text IS NOT NULL THEN ${now}
        ELSE last_password_change END,
      email = CASE WHEN ${anonymizes} THEN 'erased-' || id || '@invalid'
        ELSE coalesce(${update.email ?? null}::text, email) END,
      email_verified_at = CASE WHEN ${anonymizes} THEN NULL WHEN ${update.isEmailProven ?? false} THEN ${now}
        ELSE email_verified_at END,
      status = coalesce(${anonymizes ? 'deleted' : (status?.to ?? null)}::text, status),
      display_name = CASE WHEN ${clearsProfile} THEN NULL ELSE display_name END,
      job_title = CASE WHEN ${clearsProfile} THEN NULL ELSE job_title END,
      phone_number = CASE WHEN ${clearsProfile} THEN NULL ELSE phone_number END,
      bio = CASE WHEN ${clearsProfile} THEN NULL ELSE bio END,
      preferences = CASE WHEN ${clearsProfile} THEN '{}'::jsonb ELSE preferences END,
      external_id = CASE WHEN ${anonymizes} THEN NULL ELSE external_id END,
      deleted_at = CASE WHEN ${anonymizes} THEN ${now} ELSE deleted_at END,
      updated_at = CASE WHEN ${Object.keys(update).length > 0} THEN ${now} ELSE updated_at END
    WHERE id = ${userId} AND status = ANY (${statuses}::text[])
      AND (${version}::integer IS NULL OR security_version = ${version}::integer)
      AND (NOT ${update.onlyIfUnverified ?? false} OR email_verified_at IS NULL)
    RETURNING security_version`
  return row?.security_version
}

/** Every status but `deleted`. */
const inUse = ['active', 'invited', 'disabled']

/** The address of an account in use. */
export async function addressOf(
  db: Executor,
  userId: string,
): Promise<{ email: string; is_proven: boolean } | undefined> {
  const [row] = await db.sql<{ email: string; is_proven: boolean }>`
    SELECT email, email_verified_at IS NOT NULL AS is_proven FROM ${db.table('users')}
    WHERE id = ${userId} AND status IN ('active', 'disabled')`
  return row
}

/** @returns false where the account has another address by now, or is not in use */
export async function markVerified(tx: Tx, userId: string, email: string): Promise<boolean> {
  const rows = await tx.sql`
    UPDATE ${tx.table('users')}
    SET email_verified_at = coalesce(email_verified_at, ${tx.now}), updated_at = ${tx.now}
    WHERE id = ${userId} AND lower(email) = ${email} AND status = 'active' RETURNING 1`
  return rows.length > 0
}

export async function isEmailTaken(db: Executor, email: string): Promise<boolean> {
  const rows = await db.sql`SELECT 1 FROM ${db.table('users')} WHERE lower(email) = ${email}`
  return rows.length > 0
}

/** Everything in the row of a user but the password's hash. */
export async function exportProfile(db: Executor, userId: string): Promise<object | null> {
  const [row] = await db.sql`
    SELECT ${profileColumns}, status, external_id, last_password_change FROM ${db.table('users')} WHERE id = ${userId}`
  return row ?? null
}
