import { countAttempt, useOnce } from '../../core/store/single-use.js'
import { sql } from '../../core/store/sql.js'
import type { Executor, Tx } from '../../core/store/store.js'
import { type Query, query } from '../../core/store/together.js'

/** What a challenge proves once its secret is shown. */
export type ChallengeKind = 'register' | 'verify' | 'reset' | 'magic' | 'change' | 'undo' | CodeKind

/** Those that are six digits: to sign in, or to prove again who one is. */
export type CodeKind = 'otp' | 'reauthenticate'

export interface ChallengeRow {
  id: string
  kind: ChallengeKind
  user_id: string | null
  secret_hash: Buffer
  security_version: number | null
  key_version: number
  sealed_payload: Buffer | null
  created_at: Date
}

export interface NewChallenge {
  id: string
  kind: ChallengeKind
  userId: string | null
  emailKey: Buffer
  secretHash: Buffer
  flowHash: Buffer | null
  securityVersion: number | null
  keyVersion: number
  sealedPayload: Buffer | null
  lifetimeSeconds: number
  /** Null: now. */
  createdAt: Date | null
}

const columns = sql`id, kind, user_id, secret_hash, security_version, key_version, sealed_payload, created_at`
const live = (db: Executor) => sql`consumed_at IS NULL AND expires_at > ${db.now}`

/** Codes that may be tried against one challenge. */
export const triesPerCode = 5

export async function insertChallenge(tx: Tx, challenge: NewChallenge): Promise<void> {
  await tx.sql`
    INSERT INTO ${tx.table('email_challenges')} (id, kind, user_id, email_key, secret_hash, flow_hash, security_version,
      key_version, sealed_payload, created_at, expires_at)
    VALUES (${challenge.id}, ${challenge.kind}, ${challenge.userId}, ${challenge.emailKey}, ${challenge.secretHash},
      ${challenge.flowHash}, ${challenge.securityVersion}, ${challenge.keyVersion}, ${challenge.sealedPayload},
      coalesce(${challenge.createdAt}::timestamptz, ${tx.now}),
      ${tx.now} + ${challenge.lifetimeSeconds} * interval '1 second')`
}

/** A new code of a browser makes its older ones void. */
export async function voidCodes(tx: Tx, kind: CodeKind, emailKey: Buffer, flowHash: Buffer): Promise<void> {
  await tx.sql`
    DELETE FROM ${tx.table('email_challenges')}
    WHERE kind = ${kind} AND email_key = ${emailKey} AND flow_hash = ${flowHash}`
}

export async function findByToken(
  db: Executor,
  kinds: readonly ChallengeKind[],
  secretHash: Buffer,
): Promise<ChallengeRow | undefined> {
  const [row] = await db.sql<ChallengeRow>`
    SELECT ${columns} FROM ${db.table('email_challenges')}
    WHERE secret_hash = ${secretHash} AND kind = ANY(${kinds}) AND ${live(db)}`
  return row
}

/** Uses a challenge up. Of any number of parallel calls one gets it. */
export async function consume(tx: Tx, id: string): Promise<boolean> {
  const consumed = await useOnce(tx, {
    table: 'email_challenges',
    where: sql`id = ${id} AND expires_at > ${tx.now}`,
    unused: sql`consumed_at IS NULL`,
    use: sql`consumed_at = ${tx.now}, sealed_payload = NULL`,
  })
  return consumed !== undefined
}

/** Counts a try against the newest code that this browser asked for; nothing once its tries are used up. */
export async function tryCodeOfBrowser(
  db: Executor,
  kind: CodeKind,
  emailKey: Buffer,
  flowHash: Buffer,
): Promise<ChallengeRow | undefined> {
  const newest = sql`(
    SELECT id FROM ${db.table('email_challenges')}
    WHERE kind = ${kind} AND email_key = ${emailKey} AND flow_hash = ${flowHash}
    ORDER BY created_at DESC, id DESC LIMIT 1
  )`
  return countAttempt<ChallengeRow>(db, {
    table: 'email_challenges',
    where: sql`id = ${newest} AND ${live(db)}`,
    limit: triesPerCode,
    returning: columns,
  })
}

/** The newest sign-in code of an address, whichever browser asked for it. Counts nothing: that would let strangers lock it. */
export async function newestCode(db: Executor, emailKey: Buffer): Promise<ChallengeRow | undefined> {
  const [row] = await db.sql<ChallengeRow>`
    SELECT ${columns} FROM ${db.table('email_challenges')}
    WHERE kind = 'otp' AND email_key = ${emailKey} AND attempts < ${triesPerCode} AND ${live(db)}
    ORDER BY created_at DESC, id DESC LIMIT 1`
  return row
}

/**
 * Makes every open challenge of a user void, but ways back to an address: those only from a moment on, where one is given.
 * Only a way back closes others, those of later changes: to tell what else came before it, times are no help, because
 * transactions overlap.
 */
export async function voidChallenges(tx: Tx, userId: string, undoFrom: Date | null = null): Promise<void> {
  await tx.sql`
    DELETE FROM ${tx.table('email_challenges')}
    WHERE user_id = ${userId} AND consumed_at IS NULL AND (kind <> 'undo' OR created_at >= ${undoFrom}::timestamptz)`
}

export function hasLiveUndo(db: Executor, emailKeys: readonly Buffer[]): Query<boolean> {
  return query(
    sql`
      SELECT 1 AS found FROM ${db.table('email_challenges')}
      WHERE email_key = ANY(${emailKeys}) AND kind = 'undo' AND ${live(db)} LIMIT 1`,
    (rows) => rows.length > 0,
  )
}

/** What is open or was used, without what it is proven by. */
export async function listChallenges(db: Executor, userId: string): Promise<object[]> {
  return db.sql`
    SELECT kind, created_at, expires_at, consumed_at FROM ${db.table('email_challenges')} WHERE user_id = ${userId}
    ORDER BY created_at`
}

export async function deleteChallenges(tx: Tx, userId: string): Promise<void> {
  await tx.sql`DELETE FROM ${tx.table('email_challenges')} WHERE user_id = ${userId}`
}
