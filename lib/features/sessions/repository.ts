import { uuidv7 } from '../../core/crypto/random.js'
import type { Executor, Tx } from '../../core/store/store.js'

/** A row of `user_sessions` as its owner may see it. */
export interface SessionRow {
  id: string
  created_at: Date
  last_seen_at: Date
  expires_at: Date
  ip_address: string | null
  user_agent: string | null
  auth_method: string
}

export interface NewSession {
  userId: string
  organizationId: string | null
  authMethod: string
  amr: readonly string[]
  /** The user's `security_version` when the first credential was read. */
  securityVersion: number
  /** Seconds since a second factor was shown, or null. */
  mfaAgeSeconds: number | null
  /** The trusted browser that it begins in, or null. */
  trustedBrowserId: string | null
  lifetimeSeconds: number
  ipAddress: string | null
  userAgent: string | null
  refreshTokenHash: Buffer
}

/** What tokens are minted from. */
export interface SessionForTokens {
  id: string
  user_id: string
  organization_id: string | null
  email: string
  epoch: number
  auth_time: Date
  amr: string[]
  created_at: Date
  expires_at: Date
  checked_at: Date
}

export interface RefreshRow {
  session_id: string
  generation: number
  key_version: number | null
  successor_salt: Buffer | null
  used: boolean
  /** Used no longer ago than the grace. */
  in_grace: boolean
  successor_used: boolean | null
}

/**
 * A session and its first refresh token, unless the user's status or security version changed since the credential was
 * read: then nothing, so a login that raced a "revoke all" is dead.
 *
 * @returns the session's id
 */
export async function insertSession(tx: Tx, session: NewSession): Promise<string | null> {
  const [row] = await tx.sql<{ id: string }>(
    `WITH session AS (
       INSERT INTO ${tx.schema}.user_sessions (id, user_id, organization_id, auth_method, amr, auth_time,
         mfa_verified_at, security_version, trusted_browser_id, ip_address, user_agent, created_at, last_seen_at, expires_at)
       SELECT ?, u.id, ?, ?, ?, ${tx.nowSql}, ${tx.nowSql} - ?::float8 * interval '1 second', u.security_version, ?, ?, ?, ${tx.nowSql}, ${tx.nowSql},
         ${tx.nowSql} + ? * interval '1 second'
       FROM ${tx.schema}.users u WHERE u.id = ? AND u.status = 'active' AND u.security_version = ?
       RETURNING id
     )
     INSERT INTO ${tx.schema}.refresh_tokens (session_id, generation, token_hash)
     SELECT id, 0, ? FROM session RETURNING session_id AS id`,
    [
      uuidv7(),
      session.organizationId,
      session.authMethod,
      session.amr,
      session.mfaAgeSeconds,
      session.trustedBrowserId,
      session.ipAddress,
      session.userAgent,
      session.lifetimeSeconds,
      session.userId,
      session.securityVersion,
      session.refreshTokenHash,
    ],
  )
  return row?.id ?? null
}

const liveSession = (db: Executor, longestLife: string, idle: string) =>
  `s.revoked_at IS NULL AND s.expires_at > ${db.nowSql} AND s.created_at + ${longestLife} * interval '1 second' > ${db.nowSql}
   AND (${idle} = 0 OR s.last_seen_at + ${idle} * interval '1 second' > ${db.nowSql})
   AND u.status = 'active' AND u.security_version = s.security_version`

/** A presented refresh token and its live session, without locking. */
export async function findRefresh(
  db: Executor,
  tokenHash: Buffer,
  limits: { longestLifeSeconds: number; idleSeconds: number; graceSeconds: number },
): Promise<(RefreshRow & SessionForTokens) | undefined> {
  const { longestLifeSeconds, idleSeconds } = limits
  const [row] = await db.sql<RefreshRow & SessionForTokens>(
    `SELECT t.session_id, t.generation, t.key_version, t.successor_salt, t.used_at IS NOT NULL AS used,
       t.used_at + ? * interval '1 second' > ${db.nowSql} AS in_grace, n.used_at IS NOT NULL AS successor_used,
       s.id, s.user_id, o.id AS organization_id, u.email, s.epoch, s.auth_time, s.amr, s.created_at,
       LEAST(s.expires_at, s.created_at + ? * interval '1 second') AS expires_at, ${db.nowSql} AS checked_at
     FROM ${db.schema}.refresh_tokens t
     JOIN ${db.schema}.user_sessions s ON s.id = t.session_id
     JOIN ${db.schema}.users u ON u.id = s.user_id
     LEFT JOIN ${db.schema}.organizations o ON o.id = s.organization_id AND o.deleted_at IS NULL
     LEFT JOIN ${db.schema}.refresh_tokens n ON n.session_id = t.session_id AND n.generation = t.generation + 1
     WHERE t.token_hash = ? AND ${liveSession(db, '?', '?')}`,
    [limits.graceSeconds, longestLifeSeconds, tokenHash, longestLifeSeconds, idleSeconds, idleSeconds],
  )
  return row
}

/**
 * Uses a refresh token: one statement marks it used, stores its successor and takes the salt from its predecessor, whose
 * grace ends with that. Of any number of parallel calls one wins.
 *
 * @returns whether this call won
 */
export async function rotateRefresh(
  db: Executor,
  token: { sessionId: string; generation: number },
  successor: { hash: Buffer; keyVersion: number; salt: Buffer },
): Promise<boolean> {
  const rows = await db.sql(
    `WITH used AS (
       UPDATE ${db.schema}.refresh_tokens t SET used_at = ${db.nowSql}, key_version = ?, successor_salt = ?
       FROM ${db.schema}.user_sessions s
       WHERE t.session_id = ? AND t.generation = ? AND t.used_at IS NULL AND s.id = t.session_id AND s.revoked_at IS NULL
       RETURNING t.session_id, t.generation
     ), predecessor AS (
       UPDATE ${db.schema}.refresh_tokens p SET successor_salt = NULL
       FROM used WHERE p.session_id = used.session_id AND p.generation = used.generation - 1
     ), seen AS (
       UPDATE ${db.schema}.user_sessions s SET last_seen_at = ${db.nowSql} FROM used WHERE s.id = used.session_id
     )
     INSERT INTO ${db.schema}.refresh_tokens (session_id, generation, token_hash)
     SELECT session_id, generation + 1, ? FROM used RETURNING 1`,
    [successor.keyVersion, successor.salt, token.sessionId, token.generation, successor.hash],
  )
  return rows.length > 0
}

/** What ending a session needs to know of it. */
interface SessionOfToken {
  id: string
  user_id: string
  organization_id: string | null
  impersonator_id: string | null
}

/** The session of a refresh token, live or not. */
export async function findSessionOfToken(db: Executor, tokenHash: Buffer): Promise<SessionOfToken | undefined> {
  const [row] = await db.sql<SessionOfToken>(
    `SELECT s.id, s.user_id, s.organization_id, s.impersonator_id FROM ${db.schema}.refresh_tokens t
     JOIN ${db.schema}.user_sessions s ON s.id = t.session_id WHERE t.token_hash = ?`,
    [tokenHash],
  )
  return row
}

export async function listSessions(
  db: Executor,
  userId: string,
  { longestLifeSeconds, idleSeconds }: { longestLifeSeconds: number; idleSeconds: number },
): Promise<SessionRow[]> {
  return db.sql<SessionRow>(
    `SELECT s.id, s.created_at, s.last_seen_at, s.ip_address, s.user_agent, s.auth_method,
       LEAST(s.expires_at, s.created_at + ? * interval '1 second') AS expires_at
     FROM ${db.schema}.user_sessions s JOIN ${db.schema}.users u ON u.id = s.user_id
     WHERE s.user_id = ? AND ${liveSession(db, '?', '?')}
     ORDER BY s.last_seen_at DESC, s.id`,
    [longestLifeSeconds, userId, longestLifeSeconds, idleSeconds, idleSeconds],
  )
}

/**
 * Ends sessions of one user and returns the ids of those that this call ended.
 *
 * @param which one session, all but one, or all
 */
export async function revokeSessions(
  tx: Tx,
  userId: string,
  which: { only: string } | { except: string } | 'all',
  reason: string,
): Promise<string[]> {
  const query = tx
    .table<{ id: string; user_id: string; revoked_at: unknown; revoke_reason: string }>('user_sessions')
    .where({ user_id: userId })
    .whereNull('revoked_at')
    .andWhere('expires_at', '>', tx.now)
  if (which !== 'all' && 'only' in which) query.where({ id: which.only })
  if (which !== 'all' && 'except' in which) query.whereNot({ id: which.except })
  const rows: Array<{ id: string }> = await query
    .update({ revoked_at: tx.now, revoke_reason: reason } as never)
    .returning('id')
  return rows.map((row) => row.id)
}

/** Ends the oldest of a user's live sessions beyond `keep` and returns their ids. */
export async function endOldestSessions(tx: Tx, userId: string, keep: number): Promise<string[]> {
  const rows = await tx.sql<{ id: string }>(
    `UPDATE ${tx.schema}.user_sessions SET revoked_at = ${tx.nowSql}, revoke_reason = 'too_many_sessions'
     WHERE id IN (
       SELECT id FROM ${tx.schema}.user_sessions WHERE user_id = ? AND revoked_at IS NULL AND expires_at > ${tx.nowSql}
       ORDER BY created_at DESC, id DESC OFFSET ?
     ) RETURNING id`,
    [userId, keep],
  )
  return rows.map((row) => row.id)
}

/**
 * Moves `auth_time` to now and the epoch on, so that tokens from before no longer count as recent.
 *
 * @returns whether the session was still live
 */
export async function renewAuthTime(tx: Tx, sessionId: string, purpose: string | null): Promise<boolean> {
  const rows = await tx.sql(
    `UPDATE ${tx.schema}.user_sessions s
     SET auth_time = ${tx.nowSql}, auth_purpose = ?, epoch = s.epoch + 1
     FROM ${tx.schema}.users u
     WHERE s.id = ? AND u.id = s.user_id AND u.status = 'active' AND u.security_version = s.security_version
       AND s.revoked_at IS NULL AND s.expires_at > ${tx.nowSql}
     RETURNING 1`,
    [purpose, sessionId],
  )
  return rows.length > 0
}

/**
 * Uses up the purpose that a reauthentication was made for. Of any number of parallel calls one gets it.
 */
export async function spendAuthPurpose(db: Executor, sessionId: string, purpose: string): Promise<boolean> {
  const rows = await db.sql(
    `UPDATE ${db.schema}.user_sessions SET auth_purpose = NULL
     WHERE id = ? AND auth_purpose = ? AND revoked_at IS NULL RETURNING 1`,
    [sessionId, purpose],
  )
  return rows.length > 0
}

/**
 * Moves `mfa_verified_at` to now and the epoch on, so that tokens from before gain nothing by it. A session that began with
 * a recovery code is one like any other from then on. Impersonated sessions never have a second factor.
 *
 * @returns whether the session was still live
 */
export async function showSecondFactor(tx: Tx, sessionId: string, amr: readonly string[]): Promise<boolean> {
  const rows = await tx.sql(
    `UPDATE ${tx.schema}.user_sessions s
     SET mfa_verified_at = ${tx.nowSql}, epoch = s.epoch + 1,
       amr = array_remove(s.amr, 'recovery') || ARRAY(SELECT a FROM unnest(?::text[]) AS a WHERE a <> ALL (s.amr))
     FROM ${tx.schema}.users u
     WHERE s.id = ? AND u.id = s.user_id AND u.status = 'active' AND u.security_version = s.security_version
       AND s.impersonator_id IS NULL AND s.revoked_at IS NULL AND s.expires_at > ${tx.nowSql}
     RETURNING 1`,
    [amr, sessionId],
  )
  return rows.length > 0
}

/** Takes what second factors gave from all live sessions of a user. */
export async function forgetSecondFactors(tx: Tx, userId: string): Promise<void> {
  await tx.sql(
    `UPDATE ${tx.schema}.user_sessions SET mfa_verified_at = NULL
     WHERE user_id = ? AND revoked_at IS NULL AND mfa_verified_at IS NOT NULL`,
    [userId],
  )
}

/** Whether a session began with a recovery code no longer than `seconds` ago. */
export async function beganWithRecovery(db: Executor, sessionId: string, seconds: number): Promise<boolean> {
  const rows = await db.sql(
    `SELECT 1 FROM ${db.schema}.user_sessions
     WHERE id = ? AND 'recovery' = ANY (amr) AND revoked_at IS NULL
       AND created_at > ${db.nowSql} - ? * interval '1 second'`,
    [sessionId, seconds],
  )
  return rows.length > 0
}

/** Lets live sessions follow a security version that the user's own act has just moved on. @returns the ids of those that do */
export async function keepSecurityVersion(
  tx: Tx,
  userId: string,
  which: { only: string } | 'all',
  from: number,
): Promise<string[]> {
  const query = tx.table('user_sessions').where({ user_id: userId, security_version: from }).whereNull('revoked_at')
  if (which !== 'all') query.where({ id: which.only })
  const rows: Array<{ id: string }> = await query.update({ security_version: from + 1 } as never).returning('id')
  return rows.map((row) => row.id)
}

/**
 * Notes that a session belongs to a trusted browser.
 *
 * @returns the user and security version under which the browser is trusted; undefined if the session has ended
 */
export async function trustBrowser(
  tx: Tx,
  sessionId: string,
  browserId: string,
): Promise<{ userId: string; securityVersion: number } | undefined> {
  const [row] = await tx.sql<{ user_id: string; security_version: number }>(
    `UPDATE ${tx.schema}.user_sessions s SET trusted_browser_id = ? FROM ${tx.schema}.users u
     WHERE s.id = ? AND u.id = s.user_id AND s.revoked_at IS NULL AND u.status = 'active'
       AND u.security_version = s.security_version
     RETURNING s.user_id, s.security_version`,
    [browserId, sessionId],
  )
  return row === undefined ? undefined : { userId: row.user_id, securityVersion: row.security_version }
}

/** Whether a session is live, and nothing about its user's credentials has changed since `securityVersion`. */
export async function isUnchanged(tx: Tx, sessionId: string, securityVersion: number): Promise<boolean> {
  const rows = await tx.sql(
    `SELECT 1 FROM ${tx.schema}.user_sessions s JOIN ${tx.schema}.users u ON u.id = s.user_id
     WHERE s.id = ? AND u.status = 'active' AND u.security_version = ? AND s.security_version = u.security_version
       AND s.revoked_at IS NULL AND s.expires_at > ${tx.nowSql}`,
    [sessionId, securityVersion],
  )
  return rows.length > 0
}

/** Ends one live session, whoever's it is. */
export async function revokeSession(
  tx: Tx,
  sessionId: string,
  reason: string,
): Promise<{ user_id: string; organization_id: string | null } | undefined> {
  const [row] = await tx.sql<{ user_id: string; organization_id: string | null }>(
    `UPDATE ${tx.schema}.user_sessions SET revoked_at = ${tx.nowSql}, revoke_reason = ?
     WHERE id = ? AND revoked_at IS NULL AND expires_at > ${tx.nowSql} RETURNING user_id, organization_id`,
    [reason, sessionId],
  )
  return row
}

/** Everything that is kept of a user's sessions, ended ones included, but for what is secret. */
export async function listAllSessions(db: Executor, userId: string): Promise<object[]> {
  return db.sql(
    `SELECT id, created_at, last_seen_at, expires_at, revoked_at, revoke_reason, ip_address, user_agent, auth_method
     FROM ${db.schema}.user_sessions WHERE user_id = ? ORDER BY created_at`,
    [userId],
  )
}

/** Their refresh tokens go with them. */
export async function deleteSessions(tx: Tx, userId: string): Promise<void> {
  await tx.sql(`DELETE FROM ${tx.schema}.user_sessions WHERE user_id = ? OR impersonator_id = ?`, [userId, userId])
}
