import { sql } from '../../core/store/sql.js'
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
const live = ({ now }: Executor) => sql`
  b.revoked_at IS NULL AND b.expires_at > ${now} AND u.id = b.user_id AND u.status = 'active'
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
  await tx.sql`
    INSERT INTO ${tx.table('trusted_browsers')}
      (id, user_id, security_version, label, ip_address, user_agent, created_at, last_used_at, expires_at)
    VALUES (${browser.id}, ${browser.userId}, ${browser.securityVersion}, ${browser.label}, ${browser.ipAddress},
      ${browser.userAgent}, ${tx.now}, ${tx.now}, ${tx.now} + ${browser.lifetimeSeconds} * interval '1 second')`
}

/** Lets the trust of a session's browser follow a security version that its user's own act has just moved on. */
export async function keepBrowser(tx: Tx, sessionId: string, from: number): Promise<void> {
  await tx.sql`
    UPDATE ${tx.table('trusted_browsers')} b SET security_version = b.security_version + 1
    FROM ${tx.table('user_sessions')} s
    WHERE s.id = ${sessionId} AND b.id = s.trusted_browser_id AND b.user_id = s.user_id AND b.security_version = ${from}`
}

/** Revokes the oldest beyond `keep`. */
export async function revokeOldest(tx: Tx, userId: string, keep: number): Promise<void> {
  const browsers = tx.table('trusted_browsers')
  await tx.sql`
    UPDATE ${browsers} SET revoked_at = ${tx.now} WHERE id IN (
      SELECT id FROM ${browsers} WHERE user_id = ${userId} AND revoked_at IS NULL AND expires_at > ${tx.now}
      ORDER BY created_at DESC, id DESC OFFSET ${keep}
    )`
}

/** A token of a trusted browser, as it was presented. */
interface Presented {
  id: string
  userId: string
  generation: number
  securityVersion: number
}

/**
 * Moves a token on to its next generation. Of any number of parallel calls one does.
 *
 * @returns seconds until the trust ends, or undefined where this generation is not the present one, or the trust is over
 */
export async function rotate(tx: Tx, browser: Presented): Promise<number | undefined> {
  const [row] = await tx.sql<{ seconds: number }>`
    UPDATE ${tx.table('trusted_browsers')} b SET generation = b.generation + 1, last_used_at = ${tx.now}
    FROM ${tx.table('users')} u
    WHERE b.id = ${browser.id} AND b.user_id = ${browser.userId} AND b.generation = ${browser.generation}
      AND b.security_version = ${browser.securityVersion} AND ${live(tx)}
    RETURNING floor(extract(epoch FROM b.expires_at - ${tx.now}))::float8 AS seconds`
  return row?.seconds
}

/** Whether a live browser's token was rotated no longer ago than the grace, and this is the one before. */
export async function wasJustRotated(tx: Tx, browser: Presented, graceSeconds: number): Promise<boolean> {
  const rows = await tx.sql`
    SELECT 1 FROM ${tx.table('trusted_browsers')} b, ${tx.table('users')} u
    WHERE b.id = ${browser.id} AND b.user_id = ${browser.userId} AND b.generation = ${browser.generation + 1}
      AND b.security_version = ${browser.securityVersion} AND ${live(tx)}
      AND b.last_used_at + ${graceSeconds} * interval '1 second' >= ${tx.now}`
  return rows.length > 0
}

/** @returns whether it was live until now */
export async function revokeBrowser(tx: Tx, userId: string, id: string): Promise<boolean> {
  const rows = await tx.sql`
    UPDATE ${tx.table('trusted_browsers')} b SET revoked_at = ${tx.now} FROM ${tx.table('users')} u
    WHERE b.id = ${id} AND b.user_id = ${userId} AND ${live(tx)} RETURNING 1`
  return rows.length > 0
}

export async function listBrowsers(db: Executor, userId: string): Promise<TrustedBrowserRow[]> {
  return db.sql<TrustedBrowserRow>`
    SELECT b.id, b.label, b.ip_address, b.user_agent, b.created_at, b.last_used_at, b.expires_at
    FROM ${db.table('trusted_browsers')} b, ${db.table('users')} u
    WHERE b.user_id = ${userId} AND ${live(db)} ORDER BY b.last_used_at DESC, b.id`
}

/** Everything that is kept, what has ended included. */
export async function listAllBrowsers(db: Executor, userId: string): Promise<object[]> {
  return db.sql`
    SELECT id, label, ip_address, user_agent, created_at, last_used_at, expires_at, revoked_at
    FROM ${db.table('trusted_browsers')} WHERE user_id = ${userId} ORDER BY created_at`
}

export async function deleteBrowsers(tx: Tx, userId: string): Promise<void> {
  await tx.sql`DELETE FROM ${tx.table('trusted_browsers')} WHERE user_id = ${userId}`
}
