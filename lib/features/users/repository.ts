import type { Executor, Tx } from '../../core/store/store.js'

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

const credentialColumns = 'id, email, display_name, status, password_hash, email_verified_at, security_version'
const profileColumns =
  'id, email, email_verified_at, display_name, job_title, phone_number, bio, preferences, created_at, updated_at'

export async function credentialsByEmail(db: Executor, email: string): Promise<UserCredentials | undefined> {
  const [row] = await db.sql<UserCredentials>(
    `SELECT ${credentialColumns} FROM ${db.schema}.users WHERE lower(email) = ?`,
    [email],
  )
  return row
}

export async function credentialsById(db: Executor, id: string): Promise<UserCredentials | undefined> {
  const [row] = await db.sql<UserCredentials>(`SELECT ${credentialColumns} FROM ${db.schema}.users WHERE id = ?`, [id])
  return row
}

/** @returns false where the address is taken */
export async function insertUser(
  tx: Tx,
  user: { id: string; email: string; displayName: string | null; passwordHash: string | null },
): Promise<boolean> {
  const rows = await tx.sql(
    `INSERT INTO ${tx.schema}.users
       (id, email, display_name, password_hash, last_password_change, created_at, updated_at)
     VALUES (?, ?, ?, ?, ${user.passwordHash === null ? 'NULL' : tx.nowSql}, ${tx.nowSql}, ${tx.nowSql})
     ON CONFLICT (lower(email)) DO NOTHING RETURNING 1`,
    [user.id, user.email, user.displayName, user.passwordHash],
  )
  return rows.length > 0
}

/** Replaces the password and moves the security version on, if it is still the one that was read. */
export async function replacePassword(
  tx: Tx,
  user: { id: string; securityVersion: number },
  passwordHash: string,
): Promise<boolean> {
  const rows = await tx.sql(
    `UPDATE ${tx.schema}.users SET password_hash = ?, last_password_change = ${tx.nowSql}, updated_at = ${tx.nowSql},
       security_version = security_version + 1
     WHERE id = ? AND security_version = ? AND status = 'active' RETURNING 1`,
    [passwordHash, user.id, user.securityVersion],
  )
  return rows.length > 0
}

/** The same password under a better hash. Does nothing where the hash has changed meanwhile. */
export async function upgradePasswordHash(tx: Tx, userId: string, from: string, to: string): Promise<void> {
  await tx.sql(`UPDATE ${tx.schema}.users SET password_hash = ? WHERE id = ? AND password_hash = ?`, [to, userId, from])
}

export async function findProfile(db: Executor, userId: string): Promise<ProfileRow | undefined> {
  const [row] = await db.sql<ProfileRow>(
    `SELECT ${profileColumns} FROM ${db.schema}.users WHERE id = ? AND status = 'active'`,
    [userId],
  )
  return row
}

export async function updateProfile(tx: Tx, userId: string, change: ProfileChange): Promise<ProfileRow | undefined> {
  const { preferences, ...texts } = change
  const values = Object.fromEntries(Object.entries(texts).filter(([, value]) => value !== undefined))
  const [row] = (await tx
    .table('users')
    .where({ id: userId, status: 'active' })
    .update({
      ...values,
      ...(preferences === undefined ? {} : { preferences: JSON.stringify(preferences) }),
      updated_at: tx.now,
    } as never)
    .returning(profileColumns.split(', '))) as ProfileRow[]
  return row
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

const userColumns = 'id, email, email_verified_at, display_name, status, external_id, created_at, updated_at'

export async function findUser(
  db: Executor,
  by: { id: string } | { email: string } | { externalId: string },
): Promise<UserRow | undefined> {
  const [condition, value] =
    'id' in by ? ['id', by.id] : 'email' in by ? ['lower(email)', by.email] : ['external_id', by.externalId]
  const [row] = await db.sql<UserRow>(
    `SELECT ${userColumns} FROM ${db.schema}.users WHERE ${condition} = ? AND status <> 'deleted'`,
    [value],
  )
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
  const [row] = await tx.sql<UserRow>(
    `INSERT INTO ${tx.schema}.users
       (id, email, email_verified_at, external_id, password_hash, display_name, created_at, updated_at)
     VALUES (?, ?, ${user.emailVerified ? tx.nowSql : 'NULL'}, ?, ?, ?, ${tx.nowSql}, ${tx.nowSql})
     ON CONFLICT DO NOTHING RETURNING ${userColumns}`,
    [user.id, user.email, user.externalId, user.passwordHash, user.displayName],
  )
  return row
}

/** @returns whether this call changed it */
export async function setStatus(
  tx: Tx,
  userId: string,
  from: 'active' | 'disabled',
  to: 'active' | 'disabled',
): Promise<boolean> {
  const rows = await tx.sql(
    `UPDATE ${tx.schema}.users SET status = ?, security_version = security_version + 1, updated_at = ${tx.nowSql}
     WHERE id = ? AND status = ? RETURNING 1`,
    [to, userId, from],
  )
  return rows.length > 0
}

/** Ends every session and every sign-in that is on its way. @returns the new version; undefined for a user that does not exist */
export async function moveSecurityVersion(tx: Tx, userId: string): Promise<number | undefined> {
  const [row] = await tx.sql<{ security_version: number }>(
    `UPDATE ${tx.schema}.users SET security_version = security_version + 1 WHERE id = ? AND status <> 'deleted'
     RETURNING security_version`,
    [userId],
  )
  return row?.security_version
}

/** The address of an account in use. */
export async function addressOf(
  db: Executor,
  userId: string,
): Promise<{ email: string; is_proven: boolean } | undefined> {
  const [row] = await db.sql<{ email: string; is_proven: boolean }>(
    `SELECT email, email_verified_at IS NOT NULL AS is_proven FROM ${db.schema}.users
     WHERE id = ? AND status IN ('active', 'disabled')`,
    [userId],
  )
  return row
}

/** @returns false where the account has another address by now, or is not in use */
export async function markVerified(tx: Tx, userId: string, email: string): Promise<boolean> {
  const rows = await tx.sql(
    `UPDATE ${tx.schema}.users SET email_verified_at = coalesce(email_verified_at, ${tx.nowSql}), updated_at = ${tx.nowSql}
     WHERE id = ? AND lower(email) = ? AND status = 'active' RETURNING 1`,
    [userId, email],
  )
  return rows.length > 0
}

/**
 * Gives an account whose address was never proven to whoever has just proven it: without its password, under a new security
 * version.
 *
 * @returns the new security version, or undefined where the account has changed since it was read
 */
export async function takeOver(tx: Tx, user: { id: string; securityVersion: number }): Promise<number | undefined> {
  const [row] = await tx.sql<{ security_version: number }>(
    `UPDATE ${tx.schema}.users SET password_hash = NULL, email_verified_at = ${tx.nowSql}, updated_at = ${tx.nowSql},
       display_name = NULL, job_title = NULL, phone_number = NULL, bio = NULL, preferences = '{}',
       security_version = security_version + 1
     WHERE id = ? AND security_version = ? AND email_verified_at IS NULL AND status = 'active'
     RETURNING security_version`,
    [user.id, user.securityVersion],
  )
  return row?.security_version
}

/** @returns false where the account has changed since; throws a unique violation where the new address is taken */
export async function changeEmail(
  tx: Tx,
  user: { id: string; securityVersion: number },
  email: string,
): Promise<boolean> {
  const rows = await tx.sql(
    `UPDATE ${tx.schema}.users SET email = ?, email_verified_at = ${tx.nowSql}, updated_at = ${tx.nowSql},
       security_version = security_version + 1
     WHERE id = ? AND security_version = ? AND status = 'active' RETURNING 1`,
    [email, user.id, user.securityVersion],
  )
  return rows.length > 0
}

/** The way back from {@link changeEmail}, whatever has happened since. The password goes too: somebody else may know it. */
export async function restoreEmail(
  tx: Tx,
  userId: string,
  email: string,
): Promise<{ security_version: number } | undefined> {
  const [row] = await tx.sql<{ security_version: number }>(
    `UPDATE ${tx.schema}.users SET email = ?, email_verified_at = ${tx.nowSql}, password_hash = NULL,
       updated_at = ${tx.nowSql}, security_version = security_version + 1
     WHERE id = ? AND status IN ('active', 'disabled') RETURNING security_version`,
    [email, userId],
  )
  return row
}

export async function isEmailTaken(db: Executor, email: string): Promise<boolean> {
  const rows = await db.sql(`SELECT 1 FROM ${db.schema}.users WHERE lower(email) = ?`, [email])
  return rows.length > 0
}

/** Everything in the row of a user but the password's hash. */
export async function exportProfile(db: Executor, userId: string): Promise<object | null> {
  const [row] = await db.sql(
    `SELECT ${profileColumns}, status, external_id, last_password_change FROM ${db.schema}.users WHERE id = ?`,
    [userId],
  )
  return row ?? null
}

/**
 * Takes everything personal out of a row that stays. The address in its place has a domain of one label, which no account can
 * have: whoever could register with it would keep others from being erased.
 *
 * @returns whether this call did it
 */
export async function anonymise(tx: Tx, userId: string): Promise<boolean> {
  const rows = await tx.sql(
    `UPDATE ${tx.schema}.users SET email = 'erased-' || id || '@invalid', email_verified_at = NULL,
       password_hash = NULL, status = 'deleted', display_name = NULL, job_title = NULL, phone_number = NULL, bio = NULL,
       preferences = '{}', external_id = NULL, last_password_change = NULL, deleted_at = ${tx.nowSql},
       updated_at = ${tx.nowSql}, security_version = security_version + 1
     WHERE id = ? AND status <> 'deleted' RETURNING 1`,
    [userId],
  )
  return rows.length > 0
}
