import { deadline } from '../../core/deadline.js'
import type { Store } from '../../core/store/store.js'

/** The state of one node. */
export interface Health {
  status: 'ok' | 'unavailable'
  /** Whether the database answered a query just now. */
  database: 'ok' | 'unavailable'
  /** `behind`: mail has been due for over a minute, so no worker runs or the mail server does not answer. `off`: nothing sends mail. */
  mail_queue: 'ok' | 'behind' | 'off' | 'unavailable'
  /** Passwords that wait to be hashed in this process. */
  hashing_queue: number
}

const answerTimeoutMs = 2_000

const acceptableDelaySeconds = 60

export function createHealth(deps: {
  store: Store
  /** Passwords that wait to be hashed in this process. */
  waitingHashes: () => number
  /** Seconds for which the oldest mail has been due, 0 if none is; null if nothing sends mail. */
  mailDelay: (() => Promise<number>) | null
}) {
  const { store, waitingHashes, mailDelay } = deps

  async function mailQueue(): Promise<Health['mail_queue']> {
    if (mailDelay === null) return 'off'
    const delay = await inTime(mailDelay())
    if (delay === null) return 'unavailable'
    return delay > acceptableDelaySeconds ? 'behind' : 'ok'
  }

  return async function health(): Promise<Health> {
    const [answers, mail_queue] = await Promise.all([inTime(isWritable(store)), mailQueue()])
    const database = answers === true ? 'ok' : 'unavailable'
    return { status: database, database, mail_queue, hashing_queue: waitingHashes() }
  }
}

async function isWritable(store: Store): Promise<boolean> {
  const [row] = await store.sql<{ in_recovery: boolean }>`
    SELECT pg_is_in_recovery() AS in_recovery,
      (SELECT count(*) FROM (SELECT 1 FROM ${store.table('users')} LIMIT 1) u)`
  return row?.in_recovery === false
}

/** Null if it fails or takes too long. */
async function inTime<T>(answer: Promise<T>): Promise<T | null> {
  return deadline(
    answer.catch(() => null),
    answerTimeoutMs,
    () => null,
  )
}
