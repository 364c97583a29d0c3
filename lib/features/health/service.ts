import type { Store } from '../../core/store/store.js'

/** How IdentSphere is. */
export interface Health {
  status: 'ok' | 'unavailable'
  /** Whether the database answered a query just now. */
  database: 'ok' | 'unavailable'
  /** `behind`: something has been due for over a minute, so no worker runs or the mail server is away. `off`: nothing sends mail. */
  mail_queue: 'ok' | 'behind' | 'off' | 'unavailable'
  /** Passwords waiting to be hashed on this node. */
  hashing_queue: number
}

/** Milliseconds. */
const deadline = 2_000

/** Seconds. */
const acceptableDelay = 60

export function createHealth(options: {
  store: Store
  queue: { readonly depth: number }
  /** Seconds for which the mail that is due first has been due, 0 where none is; null where nothing sends mail. */
  mailDelay: (() => Promise<number>) | null
}) {
  const { store, queue, mailDelay } = options

  async function mailQueue(): Promise<Health['mail_queue']> {
    if (mailDelay === null) return 'off'
    const delay = await inTime(mailDelay())
    if (delay === null) return 'unavailable'
    return delay > acceptableDelay ? 'behind' : 'ok'
  }

  return async function health(): Promise<Health> {
    const [answers, mail_queue] = await Promise.all([inTime(isWritable(store)), mailQueue()])
    const database = answers === true ? 'ok' : 'unavailable'
    return { status: database, database, mail_queue, hashing_queue: queue.depth }
  }
}

async function isWritable(store: Store): Promise<boolean> {
  const [row] = await store.sql<{ in_recovery: boolean }>(
    `SELECT pg_is_in_recovery() AS in_recovery, (SELECT count(*) FROM (SELECT 1 FROM ${store.schema}.users LIMIT 1) u)`,
  )
  return row?.in_recovery === false
}

/** Null where it fails or takes too long. */
async function inTime<T>(answer: Promise<T>): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), deadline)
  })
  try {
    return await Promise.race([answer.catch(() => null), tooLate])
  } finally {
    clearTimeout(timer)
  }
}
