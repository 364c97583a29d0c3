import type { Logger } from '../../core/config/logger.js'
import type { Store } from '../../core/store/store.js'

/** Writes `last_seen_at` at most once a minute per session. Requests do not wait for it. */
export interface LastSeen {
  touch(sessionId: string): void
  /** Writes the waiting updates. */
  close(): Promise<void>
}

const writeIntervalMs = 1_000
const maxWaitingSessions = 10_000

export function createLastSeen(store: Store, logger: Logger): LastSeen {
  let waiting = new Set<string>()
  let timer: NodeJS.Timeout | undefined
  let writing: Promise<void> = Promise.resolve()

  async function write(): Promise<void> {
    const ids = [...waiting]
    waiting = new Set()
    timer = undefined
    if (ids.length === 0) return
    try {
      await store.sql`
        UPDATE ${store.table('user_sessions')} SET last_seen_at = ${store.now}
        WHERE id = ANY(${ids}) AND last_seen_at <= ${store.now} - interval '1 minute'`
    } catch (error) {
      logger.warn({ err: error }, 'last_seen_at could not be written')
    }
  }

  return {
    touch(sessionId) {
      if (waiting.size >= maxWaitingSessions) return
      waiting.add(sessionId)
      timer ??= setTimeout(() => {
        writing = write()
      }, writeIntervalMs).unref()
    },
    async close() {
      clearTimeout(timer)
      await writing
      await write()
    },
  }
}
