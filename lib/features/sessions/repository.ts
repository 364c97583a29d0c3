import { useOnce } from '../../core/store/single-use.js'
import { sql } from '../../core/store/sql.js'
import type { Executor, Tx } from '../../core/store/store.js'
import { type SessionFacts, type SessionForTokens, sessionFacts } from './session-facts.js'

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
  id: string
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

export interface RefreshRow extends SessionForTokens {
  session_id: string
  generation: number
  key_version: number | null
  successor_salt: Buffer | null
  used: boolean
  /** Used no longer ago than the grace. */
  in_grace: boolean
  successor_used: boolean | null
  /** This call has rotated it. */
  rotated: boolean
}

/**
 * Creates a session and its first refresh token, and ends the oldest sessions of the user beyond `keep`. Creates nothing if the user's
 * status or security version changed since the credential was read, so a login that raced a "revoke all" is dead.
 *
 * The lock lets an erasure wait for this transaction, so that it finds the session. Other changes of the user need not wait.
 */
export async function insertSession(
  tx: Tx,
  session: NewSession,
  keep: number,
): Promise<{ session: SessionFacts; ended: string[] } | undefined> {
  const { now } = tx
  const sessions = tx.table('user_sessions')
  const { columns, joins } = sessionFacts(tx)
  const [row] = await tx.sql<SessionFacts & { ended: string[] }>`
    WITH account AS (
      SELECT id, security_version FROM ${tx.table('users')}
      WHERE id = ${session.userId} AND status = 'active' AND security_version = ${session.securityVersion}
      FOR KEY SHARE
    ), session AS (
      INSERT INTO ${sessions} (id, user_id, organization_id, auth_method, amr, auth_time, mfa_verified_at,
        security_version, trusted_browser_id, ip_address, user_agent, created_at, last_seen_at, expires_at)
      SELECT ${session.id}, id, ${session.organizationId}, ${session.authMethod}, ${session.amr}, ${now},
        ${now} - ${session.mfaAgeSeconds}::float8 * interval '1 second', security_version, ${session.trustedBrowserId},
        ${session.ipAddress}, ${session.userAgent}, ${now}, ${now}, ${now} + ${session.lifetimeSeconds} * interval '1 second'
      FROM account RETURNING *
    ), refresh_token AS (
      INSERT INTO ${tx.table('refresh_tokens')} (session_id, generation, token_hash)
      SELECT id, 0, ${session.refreshTokenHash} FROM session
    ), ended AS (
      UPDATE ${sessions} SET revoked_at = ${now}, revoke_reason = 'too_many_sessions'
      WHERE revoked_at IS NULL AND id IN (
        SELECT id FROM ${sessions}
        WHERE user_id = (SELECT user_id FROM session) AND revoked_at IS NULL AND expires_at > ${now}
        ORDER BY created_at DESC, id DESC OFFSET ${keep - 1}
      ) RETURNING id
    )
    SELECT ${columns}, s.expires_at, ${now} AS checked_at, ARRAY(SELECT id FROM ended) AS ended
    FROM session s ${joins}`
  if (row === undefined) return undefined
  const { ended, ...facts } = row
  return { session: facts, ended }
}

/** Seconds. */
interface Limits {
  longestLifeSeconds: number
  /** 0: none. */
  idleSeconds: number
}

const liveSession = ({ now }: Executor, { longestLifeSeconds, idleSeconds }: Limits) => sql`
  s.revoked_at IS NULL AND s.expires_at > ${now} AND s.created_at + ${longestLifeSeconds} * interval '1 second' > ${now}
  AND (${idleSeconds} = 0 OR s.last_seen_at + ${idleSeconds} * interval '1 second' > ${now})
  AND u.status = 'active' AND u.security_version = s.security_version`

/**
 * Reads a presented refresh token with its live session and rotates it, in one statement: it marks the token used, stores its
 * successor and takes the salt from its predecessor, whose grace ends with that. Of any number of parallel calls one rotates it.
 *
 * @param successor null: the token is only read
 * @returns what was stored before this call, or undefined if the token is unknown or its session is not live
 */
export async function rotateRefresh(
  db: Executor,
  tokenHash: Buffer,
  successor: { hash: Buffer; keyVersion: number; salt: Buffer } | null,
  limits: Limits & { graceSeconds: number },
): Promise<RefreshRow | undefined> {
  const { now } = db
  const tokens = db.table('refresh_tokens')
  const sessions = db.table('user_sessions')
  const { hash, keyVersion, salt } = successor ?? { hash: null, keyVersion: null, salt: null }
  const [row] = await db.sql<RefreshRow>`
    WITH presented AS (
      SELECT t.session_id, t.generation, t.key_version, t.successor_salt, t.used_at IS NOT NULL AS used,
        t.used_at + ${limits.graceSeconds} * interval '1 second' > ${now} AS in_grace,
        n.used_at IS NOT NULL AS successor_used,
        s.id, s.user_id, o.id AS organization_id, u.email, s.epoch, s.auth_time, s.amr, s.created_at,
        LEAST(s.expires_at, s.created_at + ${limits.longestLifeSeconds} * interval '1 second') AS expires_at,
        ${now} AS checked_at
      FROM ${tokens} t
      JOIN ${sessions} s ON s.id = t.session_id
      JOIN ${db.table('users')} u ON u.id = s.user_id
      LEFT JOIN ${db.table('organizations')} o ON o.id = s.organization_id AND o.deleted_at IS NULL
      LEFT JOIN ${tokens} n ON n.session_id = t.session_id AND n.generation = t.generation + 1
      WHERE t.token_hash = ${tokenHash} AND ${liveSession(db, limits)}
    ), used AS (
      UPDATE ${tokens} t SET used_at = ${now}, key_version = ${keyVersion}, successor_salt = ${salt}
      FROM presented p
      WHERE ${successor !== null} AND t.session_id = p.session_id AND t.generation = p.generation AND t.used_at IS NULL
      RETURNING t.session_id, t.generation
    ), predecessor AS (
      UPDATE ${tokens} p SET successor_salt = NULL
      FROM used WHERE p.session_id = used.session_id AND p.generation = used.generation - 1
    ), seen AS (
      UPDATE ${sessions} s SET last_seen_at = ${now} FROM used WHERE s.id = used.session_id
    ), successor AS (
      INSERT INTO ${tokens} (session_id, generation, token_hash)
      SELECT session_id, generation + 1, ${hash}::bytea FROM used
    )
    SELECT p.*, EXISTS (SELECT 1 FROM used) AS rotated FROM presented p`
  return row
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
  const [row] = await db.sql<SessionOfToken>`
    SELECT s.id, s.user_id, s.organization_id, s.impersonator_id FROM ${db.table('refresh_tokens')} t
    JOIN ${db.table('user_sessions')} s ON s.id = t.session_id WHERE t.token_hash = ${tokenHash}`
  return row
}

export async function listSessions(db: Executor, userId: string, limits: Limits): Promise<SessionRow[]> {
  return db.sql<SessionRow>`
    SELECT s.id, s.created_at, s.last_seen_at, s.ip_address, s.user_agent, s.auth_method,
      LEAST(s.expires_at, s.created_at + ${limits.longestLifeSeconds} * interval '1 second') AS expires_at
    FROM ${db.table('user_sessions')} s JOIN ${db.table('users')} u ON u.id = s.user_id
    WHERE s.user_id = ${userId} AND ${liveSession(db, limits)}
    ORDER BY s.last_seen_at DESC, s.id`
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
  const these = which === 'all' ? sql`true` : 'only' in which ? sql`id = ${which.only}` : sql`id <> ${which.except}`
  const rows = await tx.sql<{ id: string }>`
    UPDATE ${tx.table('user_sessions')} SET revoked_at = ${tx.now}, revoke_reason = ${reason}
    WHERE user_id = ${userId} AND revoked_at IS NULL AND expires_at > ${tx.now} AND ${these} RETURNING id`
  return rows.map((row) => row.id)
}

/** A session whose user is active and has changed no credentials since it began. */
const current = ({ now }: Executor) => sql`
  s.revoked_at IS NULL AND s.expires_at > ${now}
  AND u.id = s.user_id AND u.status = 'active' AND u.security_version = s.security_version`

/**
 * Moves `auth_time` to now and the epoch on, so that tokens from before no longer count as recent.
 *
 * @returns whether the session was still live
 */
export async function renewAuthTime(tx: Tx, sessionId: string, purpose: string | null): Promise<boolean> {
  const rows = await tx.sql`
    UPDATE ${tx.table('user_sessions')} s
    SET auth_time = ${tx.now}, auth_purpose = ${purpose}, epoch = s.epoch + 1
    FROM ${tx.table('users')} u
    WHERE s.id = ${sessionId} AND ${current(tx)}
    RETURNING 1`
  return rows.length > 0
}

/**
 * Uses up the purpose that a reauthentication was made for. Of any number of parallel calls one gets it.
 */
export async function spendAuthPurpose(db: Executor, sessionId: string, purpose: string): Promise<boolean> {
  const spent = await useOnce(db, {
    table: 'user_sessions',
    where: sql`id = ${sessionId} AND revoked_at IS NULL`,
    unused: sql`auth_purpose = ${purpose}`,
    use: sql`auth_purpose = NULL`,
  })
  return spent !== undefined
}

/**
 * Moves `mfa_verified_at` to now and the epoch on, so that tokens from before gain nothing by it. A session that began with
 * a recovery code is one like any other from then on. Impersonated sessions never have a second factor.
 *
 * @returns whether the session was still live
 */
export async function showSecondFactor(tx: Tx, sessionId: string, amr: readonly string[]): Promise<boolean> {
  const rows = await tx.sql`
    UPDATE ${tx.table('user_sessions')} s
    SET mfa_verified_at = ${tx.now}, epoch = s.epoch + 1,
      amr = array_remove(s.amr, 'recovery') || ARRAY(SELECT a FROM unnest(${amr}::text[]) AS a WHERE a <> ALL (s.amr))
    FROM ${tx.table('users')} u
    WHERE s.id = ${sessionId} AND s.impersonator_id IS NULL AND ${current(tx)}
    RETURNING 1`
  return rows.length > 0
}

/** Takes what second factors gave from all live sessions of a user. */
export async function forgetSecondFactors(tx: Tx, userId: string): Promise<void> {
  await tx.sql`
    UPDATE ${tx.table('user_sessions')} SET mfa_verified_at = NULL
    WHERE user_id = ${userId} AND revoked_at IS NULL AND mfa_verified_at IS NOT NULL`
}

/** Whether a session began with a recovery code no longer than `seconds` ago. */
export async function beganWithRecovery(db: Executor, sessionId: string, seconds: number): Promise<boolean> {
  const rows = await db.sql`
    SELECT 1 FROM ${db.table('user_sessions')}
    WHERE id = ${sessionId} AND 'recovery' = ANY (amr) AND revoked_at IS NULL
      AND created_at > ${db.now} - ${seconds} * interval '1 second'`
  return rows.length > 0
}

/** Lets live sessions follow a security version that the user's own act has just moved on. @returns the ids of those that do */
export async function keepSecurityVersion(
  tx: Tx,
  userId: string,
  which: { only: string } | 'all',
  from: number,
): Promise<string[]> {
  const these = which === 'all' ? sql`true` : sql`id = ${which.only}`
  const rows = await tx.sql<{ id: string }>`
    UPDATE ${tx.table('user_sessions')} SET security_version = security_version + 1
    WHERE user_id = ${userId} AND security_version = ${from} AND revoked_at IS NULL AND ${these} RETURNING id`
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
  const [row] = await tx.sql<{ user_id: string; security_version: number }>`
    UPDATE ${tx.table('user_sessions')} s SET trusted_browser_id = ${browserId} FROM ${tx.table('users')} u
    WHERE s.id = ${sessionId} AND u.id = s.user_id AND s.revoked_at IS NULL AND u.status = 'active'
      AND u.security_version = s.security_version
    RETURNING s.user_id, s.security_version`
  return row === undefined ? undefined : { userId: row.user_id, securityVersion: row.security_version }
}

/** Whether a session is live, and nothing about its user's credentials has changed since `securityVersion`. */
export async function isUnchanged(tx: Tx, sessionId: string, securityVersion: number): Promise<boolean> {
  const rows = await tx.sql`
    SELECT 1 FROM ${tx.table('user_sessions')} s, ${tx.table('users')} u
    WHERE s.id = ${sessionId} AND u.security_version = ${securityVersion} AND ${current(tx)}`
  return rows.length > 0
}

/** Ends one live session, whoever's it is. */
export async function revokeSession(
  tx: Tx,
  sessionId: string,
  reason: string,
): Promise<{ user_id: string; organization_id: string | null } | undefined> {
  const [row] = await tx.sql<{ user_id: string; organization_id: string | null }>`
    UPDATE ${tx.table('user_sessions')} SET revoked_at = ${tx.now}, revoke_reason = ${reason}
    WHERE id = ${sessionId} AND revoked_at IS NULL AND expires_at > ${tx.now} RETURNING user_id, organization_id`
  return row
}

/** Everything that is kept of a user's sessions, ended ones included, but for what is secret. */
export async function listAllSessions(db: Executor, userId: string): Promise<object[]> {
  return db.sql`
    SELECT id, created_at, last_seen_at, expires_at, revoked_at, revoke_reason, ip_address, user_agent, auth_method
    FROM ${db.table('user_sessions')} WHERE user_id = ${userId} ORDER BY created_at`
}

/** Their refresh tokens go with them. */
export async function deleteSessions(tx: Tx, userId: string): Promise<void> {
  await tx.sql`DELETE FROM ${tx.table('user_sessions')} WHERE user_id = ${userId} OR impersonator_id = ${userId}`
}
