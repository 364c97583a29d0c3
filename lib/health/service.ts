import type { Store } from '../store/store.js'

/** How IdentSphere is. */
export interface Health {
  status: 'ok' | 'unavailable'
  /** Whether the database answered a query just now. */
  database: 'ok' | 'unavailable'
  /** Passwords waiting to be hashed on this node. */
  hashing_queue: number
}

/** Milliseconds. */
const deadline = 2_000

export function createHealth({ store, queue }: { store: Store; queue: { readonly depth: number } }) {
  return async function health(): Promise<Health> {
    const answers = await answered(store)
    const database = answers ? 'ok' : 'unavailable'
    return { status: database, database, hashing_queue: queue.depth }
  }
}

async function answered(store: Store): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), deadline)
  })
  const writable = store
    .sql<{ in_recovery: boolean }>(
      `SELECT pg_is_in_recovery() AS in_recovery, (SELECT count(*) FROM (SELECT 1 FROM ${store.schema}.users LIMIT 1) u)`,
    )
    .then(
      ([row]) => row?.in_recovery === false,
      () => false,
    )
  try {
    return await Promise.race([writable, tooLate])
  } finally {
    clearTimeout(timer)
  }
}
