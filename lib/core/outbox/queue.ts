import type { KeyRing } from '../crypto/key-ring.js'
import { uuidv7 } from '../crypto/random.js'
import { open, seal } from '../crypto/sealing.js'
import { identifier, sql } from '../store/sql.js'
import type { Executor, Tx } from '../store/store.js'
import { command, type Query } from '../store/together.js'

/** A decrypted entry. */
export interface QueueEntry {
  readonly id: string
  readonly kind: string
  /** Null if it cannot be decrypted. */
  readonly content: unknown
  readonly attempts: number
  readonly isExpired: boolean
}

/** Selects the kinds with this prefix (`has: true`) or all others. */
export interface KindFilter {
  readonly prefix: string
  readonly has: boolean
}

/**
 * A transactional outbox in one table. Entries are written in the transaction of the change. The worker delivers them. Their
 * content is sealed, and is deleted after the entry was sent or given up. A claim ends after its lease, so that other processes
 * can claim the entries of a dead process.
 *
 * The table has the columns `id, key_version, attempts, next_attempt_at, created_at, expires_at, sent_at, given_up_at`.
 */
export interface Queue {
  /** Inserts an entry. */
  inserting(tx: Tx, kind: string, content: object, lifetimeSeconds: number): Query<void>
  /** Claims the entry that is due first. Entries sealed with a secret that this node does not have are left to other nodes. */
  claim(db: Executor, kinds: KindFilter, leaseSeconds: number): Promise<QueueEntry | null>
  /** Deletes and returns the entry that is due first. */
  take(tx: Tx, kinds: KindFilter): Promise<QueueEntry | null>
  /** Renews a claim. */
  extend(db: Executor, id: string, leaseSeconds: number): Promise<void>
  markSent(db: Executor, id: string): Promise<void>
  /** @returns true if the entry expires before its next attempt and was given up */
  postpone(db: Executor, id: string, seconds: number): Promise<boolean>
  giveUp(db: Executor, id: string): Promise<void>
  /** Seconds since the oldest due entry became due. 0 if no entry is due. */
  delaySeconds(db: Executor): Promise<number>
}

interface Row {
  id: string
  kind: string
  key_version: number
  sealed: Buffer
  attempts: number
  is_expired: boolean
}

/** @param columns names of the columns for kind and sealed content */
export function createQueue(
  keys: KeyRing,
  table: string,
  columns: { readonly kind: string; readonly sealed: string },
): Queue {
  const kind = identifier(columns.kind)
  const sealed = identifier(columns.sealed)
  const waiting = sql`sent_at IS NULL AND given_up_at IS NULL`
  const context = (id: string) => `${table}.${columns.sealed}:${id}`
  const after = (db: Executor, seconds: number) => sql`${db.now} + ${seconds} * interval '1 second'`
  const entryColumns = (db: Executor) => sql`
    id, ${kind} AS kind, key_version, ${sealed} AS sealed, attempts, coalesce(expires_at <= ${db.now}, false) AS is_expired`

  const firstDue = (db: Executor, { prefix, has }: KindFilter) => sql`
    SELECT id FROM ${db.table(table)}
    WHERE ${waiting} AND next_attempt_at <= ${db.now} AND starts_with(${kind}, ${prefix}) = ${has}
      AND key_version = ANY(${keys.versions})
    ORDER BY next_attempt_at LIMIT 1 FOR UPDATE SKIP LOCKED`

  function openRow(row: Row | undefined): QueueEntry | null {
    if (row === undefined) return null
    const key = keys.version('sealing', row.key_version)
    const bytes = key === null ? null : open(key, row.sealed, context(row.id))
    const content: unknown = bytes === null ? null : JSON.parse(bytes.toString('utf8'))
    return { id: row.id, kind: row.kind, content, attempts: row.attempts, isExpired: row.is_expired }
  }

  return {
    inserting(tx, name, content, lifetimeSeconds) {
      const id = uuidv7()
      const { version, key } = keys.current('sealing')
      return command(sql`
        INSERT INTO ${tx.table(table)} (id, ${kind}, key_version, ${sealed}, next_attempt_at, created_at, expires_at)
        VALUES (${id}, ${name}, ${version}, ${seal(key, JSON.stringify(content), context(id))},
          ${tx.now}, ${tx.now}, ${after(tx, lifetimeSeconds)})`)
    },

    async claim(db, kinds, leaseSeconds) {
      const [row] = await db.sql<Row>`
        UPDATE ${db.table(table)} SET attempts = attempts + 1, next_attempt_at = ${after(db, leaseSeconds)}
        WHERE id = (${firstDue(db, kinds)}) RETURNING ${entryColumns(db)}`
      return openRow(row)
    },

    async take(tx, kinds) {
      const [row] = await tx.sql<Row>`
        DELETE FROM ${tx.table(table)} WHERE id = (${firstDue(tx, kinds)}) RETURNING ${entryColumns(tx)}`
      return openRow(row)
    },

    async extend(db, id, leaseSeconds) {
      await db.sql`
        UPDATE ${db.table(table)} SET next_attempt_at = ${after(db, leaseSeconds)} WHERE id = ${id} AND ${waiting}`
    },

    async markSent(db, id) {
      await db.sql`
        UPDATE ${db.table(table)} SET sent_at = ${db.now}, given_up_at = NULL, ${sealed} = NULL WHERE id = ${id}`
    },

    async postpone(db, id, seconds) {
      const next = after(db, seconds)
      const [row] = await db.sql<{ is_given_up: boolean }>`
        UPDATE ${db.table(table)} SET
          next_attempt_at = ${next},
          given_up_at = CASE WHEN expires_at <= ${next} THEN ${db.now} END,
          ${sealed} = CASE WHEN expires_at <= ${next} THEN NULL ELSE ${sealed} END
        WHERE id = ${id} AND sent_at IS NULL RETURNING given_up_at IS NOT NULL AS is_given_up`
      return row?.is_given_up ?? true
    },

    async giveUp(db, id) {
      await db.sql`
        UPDATE ${db.table(table)} SET given_up_at = ${db.now}, ${sealed} = NULL WHERE id = ${id} AND sent_at IS NULL`
    },

    async delaySeconds(db) {
      const [row] = await db.sql<{ seconds: number | null }>`
        SELECT extract(epoch FROM ${db.now} - min(next_attempt_at))::float8 AS seconds FROM ${db.table(table)}
        WHERE ${waiting} AND next_attempt_at <= ${db.now}`
      return row?.seconds ?? 0
    },
  }
}
