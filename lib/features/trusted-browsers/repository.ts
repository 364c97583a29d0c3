import type { Executor, Tx } from '../../core/store/store.js'

/** A trusted browser as its owner may see it. */
export interface TrustedBrowserRow {
  id: string
  label: string | null
  ip_address: string | null
  user_agent: string | null
  created_at: Date
  last_used_at: Date
  expires_at: Date
}

/** Whose trust holds: nothing about the account's credentials has changed since. */
const live = (db: Executor) =>
  `b.revoked_at IS NULL AND b.expires_at > ${db.nowSql} AND u.id = b.user_id AND u.status = 'active'
   AND u.security_version = b.security_version`

/** Trusts a browser under the security version of its session. */
export async function insertBrowser(
  tx: Tx,
  browser: {
    id: string
    userId: string
    securityVersion: number
    label: string | null
    ipAddress: string | null
    userAgent: string | null
    lifetimeSeconds: number
  },
): Promise<void> {
  await tx.sql(
    `INSERT INTO ${tx.schema}.trusted_browsers
       (id, user_id, security_version, label, ip_address, user_agent, created_at, last_used_at, expires_at)
     VALUES (?, ?, ?, ?, ?, ?, ${tx.nowSql}, ${tx.nowSql}, ${tx.nowSql} + ? * interval '1 second')`,
    [
      browser.id,
      browser.userId,
      browser.securityVersion,
      browser.label,
      browser.ipAddress,
      browser.userAgent,
      browser.lifetimeSeconds,
    ],
  )
}

/** Lets the trust of a session's browser follow a security version that its user's own act has just moved on. */
export async function keepBrowser(tx: Tx, sessionId: string, from: number): Promise<void> {
  await tx.sql(
    `UPDATE ${tx.schema}.trusted_browsers b SET security_version = ? FROM ${tx.schema}.user_sessions s
     WHERE s.id = ? AND b.id = s.trusted_browser_id AND b.user_id = s.user_id AND b.security_version = ?`,
    [from + 1, sessionId, from],
  )
}

/** Revokes the oldest beyond `keep`. */
export async function revokeOldest(tx: Tx, userId: string, keep: number): Promise<void> {
  await tx.sql(
    `UPDATE ${tx.schema}.trusted_browsers SET revoked_at = ${tx.nowSql} WHERE id IN (
       SELECT id FROM ${tx.schema}.trusted_browsers WHERE user_id = ? AND revoked_at IS NULL AND expires_at > ${tx.nowSql}
       ORDER BY created_at DESC, id DESC OFFSET ?
     )`,
    [userId, keep],
  )
}

/**
 * Moves a token on to its next generation. Of any number of parallel calls one does.
 *
 * @returns seconds until the trust ends, or undefined where this generation is not the present one, or the trust is over
 */
export async function rotate(
  tx: Tx,
  browser: { id: string; userId: string; generation: number; securityVersion: number },
): Promise<number | undefined> {
  const [row] = await tx.sql<{ seconds: number }>(
    `UPDATE ${tx.schema}.trusted_browsers b SET generation = b.generation + 1, last_used_at = ${tx.nowSql}
     FROM ${tx.schema}.users u
     WHERE b.id = ? AND b.user_id = ? AND b.generation = ? AND b.security_version = ? AND ${live(tx)}
     RETURNING floor(extract(epoch FROM b.expires_at - ${tx.nowSql}))::float8 AS seconds`,
    [browser.id, browser.userId, browser.generation, browser.securityVersion],
  )
  return row?.seconds
}

/** Whether a live browser's token was rotated no longer ago than the grace, and this is the one before. */
export async function wasJustRotated(
  tx: Tx,
  browser: { id: string; userId: string; generation: number; securityVersion: number },
  graceSeconds: number,
): Promise<boolean> {
  const rows = await tx.sql(
    `SELECT 1 FROM ${tx.schema}.trusted_browsers b, ${tx.schema}.users u
     WHERE b.id = ? AND b.user_id = ? AND b.generation = ? AND b.security_version = ? AND ${live(tx)}
       AND b.last_used_at + ? * interval '1 second' >= ${tx.nowSql}`,
    [browser.id, browser.userId, browser.generation + 1, browser.securityVersion, graceSeconds],
  )
  return rows.length > 0
}

/** @returns whether it was live until now */
export async function revokeBrowser(tx: Tx, userId: string, id: string): Promise<boolean> {
  const rows = await tx.sql(
    `UPDATE ${tx.schema}.trusted_browsers b SET revoked_at = ${tx.nowSql} FROM ${tx.schema}.users u
     WHERE b.id = ? AND b.user_id = ? AND ${live(tx)} RETURNING 1`,
    [id, userId],
  )
  return rows.length > 0
}

export async function listBrowsers(db: Executor, userId: string): Promise<TrustedBrowserRow[]> {
  return db.sql<TrustedBrowserRow>(
    `SELECT b.id, b.label, b.ip_address, b.user_agent, b.created_at, b.last_used_at, b.expires_at
     FROM ${db.schema}.trusted_browsers b, ${db.schema}.users u
     WHERE b.user_id = ? AND ${live(db)} ORDER BY b.last_used_at DESC, b.id`,
    [userId],
  )
}

/** Everything that is kept, what has ended included. */
export async function listAllBrowsers(db: Executor, userId: string): Promise<object[]> {
  return db.sql(
    `SELECT id, label, ip_address, user_agent, created_at, last_used_at, expires_at, revoked_at
     FROM ${db.schema}.trusted_browsers WHERE user_id = ? ORDER BY created_at`,
    [userId],
  )
}

export async function deleteBrowsers(tx: Tx, userId: string): Promise<void> {
  await tx.sql(`DELETE FROM ${tx.schema}.trusted_browsers WHERE user_id = ?`, [userId])
}
