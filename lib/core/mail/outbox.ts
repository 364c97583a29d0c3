import type { KeyRing } from '../crypto/key-ring.js'
import { uuidv7 } from '../crypto/random.js'
import { open, seal } from '../crypto/sealing.js'
import { sql } from '../store/sql.js'
import type { Executor, Tx } from '../store/store.js'
import type { MailRecipient } from './message.js'
import type { MailRequest } from './requests.js'
import type { MailName, MailParameters } from './templates.js'

/** A mail to be sent once the transaction has committed. */
export interface OutgoingMail<Name extends MailName = MailName> {
  template: Name
  to: MailRecipient
  parameters: MailParameters[Name]
  /** Seconds after which nobody wants it any more; it is given up then. Default a day. */
  worthSeconds?: number
}

/** A row of the outbox that was opened. */
export interface OutboxEntry {
  id: string
  /** A {@link MailName}, or `request.…` for what is decided by the worker. */
  template: string
  content: unknown
  attempts: number
  /** Nobody wants it any more. */
  isTooLate: boolean
}

const longestWorth = 86_400

/** Prefix of requests in the column `template`. */
export const requestPrefix = 'request.'

/**
 * The transactional outbox: mail is written in the transaction of what it tells, and sent by the worker. Recipient,
 * parameters, links and codes are sealed, and wiped when the mail was sent or given up.
 */
export interface Outbox {
  /** Whether mail can be sent at all. Where not, nothing is written. */
  readonly enabled: boolean
  send<Name extends MailName>(tx: Tx, mail: OutgoingMail<Name>): Promise<void>
  /**
   * Leaves it to the worker to decide what a request leads to. The request itself does the same work whether or not an account
   * exists, so its duration tells nobody anything.
   *
   * @param request what is asked for; its handler is contributed to `mail.requests`
   */
  request<Input extends object>(tx: Tx, request: MailRequest<Input>, input: Input): Promise<void>
}

export function createOutbox(options: { keys: KeyRing; enabled: boolean; wake: () => void }): Outbox {
  const { keys, enabled, wake } = options

  async function insert(tx: Tx, template: string, content: object, worthSeconds: number): Promise<void> {
    const id = uuidv7()
    const { version, key } = keys.current('sealing')
    await tx.sql`
      INSERT INTO ${tx.table('mail_outbox')}
        (id, template, key_version, sealed_parameters, next_attempt_at, created_at, expires_at)
      VALUES (${id}, ${template}, ${version}, ${seal(key, JSON.stringify(content), context(id))},
        ${tx.now}, ${tx.now}, ${tx.now} + ${worthSeconds} * interval '1 second')`
    tx.afterCommit(wake)
  }

  return {
    enabled,
    async send(tx, { template, to, parameters, worthSeconds = longestWorth }) {
      if (!enabled) return
      await insert(tx, template, { to, parameters }, Math.min(worthSeconds, longestWorth))
    },
    async request(tx, { name }, input) {
      if (enabled) await insert(tx, `${requestPrefix}${name}`, input, longestWorth)
    },
  }
}

interface OutboxRow {
  id: string
  template: string
  key_version: number
  sealed_parameters: Buffer
  attempts: number
  is_too_late: boolean
}

const waiting = sql`sent_at IS NULL AND given_up_at IS NULL`
const entryColumns = (db: Executor) => sql`
  id, template, key_version, sealed_parameters, attempts, coalesce(expires_at <= ${db.now}, false) AS is_too_late`

/**
 * Claims the next mail that is due, so that no other worker takes it before the lease ends. One that is sealed with a secret
 * that this node has not got waits for a node that has it.
 */
export async function claimMail(db: Executor, keys: KeyRing, leaseSeconds: number): Promise<OutboxEntry | null> {
  const [row] = await db.sql<OutboxRow>`
    UPDATE ${db.table('mail_outbox')}
    SET attempts = attempts + 1, next_attempt_at = ${db.now} + ${leaseSeconds} * interval '1 second'
    WHERE id = (
      SELECT id FROM ${db.table('mail_outbox')}
      WHERE ${waiting} AND next_attempt_at <= ${db.now} AND template NOT LIKE 'request.%'
        AND key_version = ANY(${keys.versions})
      ORDER BY next_attempt_at LIMIT 1 FOR UPDATE SKIP LOCKED
    ) RETURNING ${entryColumns(db)}`
  return row === undefined ? null : opened(keys, row)
}

/** Takes the next request out, for as long as `tx` lasts: where that rolls back, it is there again. */
export async function takeRequest(tx: Tx, keys: KeyRing): Promise<OutboxEntry | null> {
  const [row] = await tx.sql<OutboxRow>`
    DELETE FROM ${tx.table('mail_outbox')} WHERE id = (
      SELECT id FROM ${tx.table('mail_outbox')}
      WHERE ${waiting} AND next_attempt_at <= ${tx.now} AND template LIKE 'request.%'
        AND key_version = ANY(${keys.versions})
      ORDER BY next_attempt_at LIMIT 1 FOR UPDATE SKIP LOCKED
    ) RETURNING ${entryColumns(tx)}`
  return row === undefined ? null : opened(keys, row)
}

/** Content null: it was tampered with. */
function opened(keys: KeyRing, row: OutboxRow): OutboxEntry {
  const key = keys.version('sealing', row.key_version)
  const bytes = key === null ? null : open(key, row.sealed_parameters, context(row.id))
  const content: unknown = bytes === null ? null : JSON.parse(bytes.toString('utf8'))
  return { id: row.id, template: row.template, content, attempts: row.attempts, isTooLate: row.is_too_late }
}

/** Seconds for which the entry that is due first has been due; 0 where none is. */
export async function mailDelay(db: Executor): Promise<number> {
  const [row] = await db.sql<{ seconds: number | null }>`
    SELECT extract(epoch FROM ${db.now} - min(next_attempt_at))::float8 AS seconds FROM ${db.table('mail_outbox')}
    WHERE ${waiting} AND next_attempt_at <= ${db.now}`
  return row?.seconds ?? 0
}

/** Keeps a claim while the mail is on its way. */
export async function extendClaim(db: Executor, id: string, leaseSeconds: number): Promise<void> {
  await db.sql`
    UPDATE ${db.table('mail_outbox')} SET next_attempt_at = ${db.now} + ${leaseSeconds} * interval '1 second'
    WHERE id = ${id} AND ${waiting}`
}

export async function markSent(db: Executor, id: string): Promise<void> {
  await db.sql`
    UPDATE ${db.table('mail_outbox')} SET sent_at = ${db.now}, given_up_at = NULL, sealed_parameters = NULL
    WHERE id = ${id}`
}

/** @returns whether it was given up because nobody wants it any more */
export async function postpone(db: Executor, id: string, seconds: number): Promise<boolean> {
  const next = sql`${db.now} + ${seconds} * interval '1 second'`
  const [row] = await db.sql<{ given_up: boolean }>`
    UPDATE ${db.table('mail_outbox')} SET
      next_attempt_at = ${next},
      given_up_at = CASE WHEN expires_at <= ${next} THEN ${db.now} END,
      sealed_parameters = CASE WHEN expires_at <= ${next} THEN NULL ELSE sealed_parameters END
    WHERE id = ${id} AND sent_at IS NULL RETURNING given_up_at IS NOT NULL AS given_up`
  return row?.given_up ?? true
}

export async function giveUp(db: Executor, id: string): Promise<void> {
  await db.sql`
    UPDATE ${db.table('mail_outbox')} SET given_up_at = ${db.now}, sealed_parameters = NULL
    WHERE id = ${id} AND sent_at IS NULL`
}

function context(id: string): string {
  return `mail_outbox.sealed_parameters:${id}`
}
