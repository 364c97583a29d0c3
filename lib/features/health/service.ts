import { deadline } from '../../core/deadline.js'
import type { Store } from '../../core/store/store.js'

export interface Health {
  status: 'ok' | 'unavailable'
  /** Whether the database answers queries and accepts writes. */
  database: 'ok' | 'unavailable'
  /**
   * `behind`: mail has been due for over a minute. Either no worker runs, or the mail server does not answer. `off`: mail cannot
   * be sent.
   */
  mail_queue: 'ok' | 'behind' | 'off' | 'unavailable'
  /** Passwords that wait for hashing in this process. */
  hashing_queue: number
}

const queryTimeoutMs = 2_000

const maxMailDelaySeconds = 60

export function createHealth(deps: {
  store: Store
  /** Passwords that wait for hashing in this process. */
  waitingHashes: () => number
  /** Seconds since the oldest due mail became due, 0 if no mail is due. Null if mail cannot be sent. */
  mailDelay: (() => Promise<number>) | null
}) {
  const { store, waitingHashes, mailDelay } = deps

  async function mailQueue(): Promise<Health['mail_queue']> {
    if (mailDelay === null) return 'off'
    const delaySeconds = await resultOrNull(mailDelay())
    if (delaySeconds === null) return 'unavailable'
    return delaySeconds > maxMailDelaySeconds ? 'behind' : 'ok'
  }

  return async function health(): Promise<Health> {
    const [writable, mail_queue] = await Promise.all([resultOrNull(isWritable(store)), mailQueue()])
    const database = writable === true ? 'ok' : 'unavailable'
    return { status: database, database, mail_queue, hashing_queue: waitingHashes() }
  }
}

async function isWritable(store: Store): Promise<boolean> {
  const [row] = await store.sql<{ is_read_only: boolean }>`
    SELECT current_setting('transaction_read_only') = 'on' AS is_read_only,
      (SELECT count(*) FROM (SELECT 1 FROM ${store.table('users')} LIMIT 1) u)`
  return row?.is_read_only === false
}

/** Null if the query fails or takes too long. */
async function resultOrNull<T>(query: Promise<T>): Promise<T | null> {
  return deadline(
    query.catch(() => null),
    queryTimeoutMs,
    () => null,
  )
}
