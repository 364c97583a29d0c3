import type { Clock } from '../../core/config/clock.js'
import { IdentSphereError } from '../../core/errors.js'
import { type Database, reservedConnections } from '../../core/store/database.js'
import { translateError } from '../../core/store/database-errors.js'
import { createSessionStatement, type LiveSession, liveSessionsIn, toLiveSession } from './live-session.js'
import type { SessionSettings } from './options.js'

export type { LiveSession } from './live-session.js'

/** Reads sessions for every guard. */
export interface SessionCheck {
  /**
   * The session, its user, membership and platform row, read by a query that was sent after this call; null if any of them
   * says no.
   *
   * @throws IdentSphereError `service_unavailable` if the database cannot answer within one second
   */
  read(sessionId: string): Promise<LiveSession | null>
}

const deadlineMs = 1_000
const maxBatchSize = 256
/** Look-ups beyond this are refused at once. A database that hangs costs bounded memory. */
const maxWaiting = 10_000

interface Waiting {
  sessionId: string
  /** Milliseconds of `performance.now()` when it came. */
  since: number
  resolve(session: LiveSession | null): void
  reject(error: unknown): void
}

/** Other texts would make the query fail for all that share it. */
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/**
 * The one piece of SQL that crosses features: sessions, users, memberships, organizations, platform admins and revoked keys in
 * one prepared read. Look-ups that arrive while a query is in flight share the next one, so an idle node waits for nothing and a
 * busy one asks once for many. A result is never kept: revocation holds from the next request on, on every node.
 */
export function createSessionCheck(deps: {
  database: Database
  clock: Clock
  schema: string
  settings: Pick<SessionSettings, 'refreshTokenSeconds' | 'sessionIdleSeconds'>
}): SessionCheck {
  const { database, clock, schema, settings } = deps
  const statementFor = createSessionStatement(schema, settings)
  let waiting: Waiting[] = []
  let inFlight = 0
  let isScheduled = false

  function schedule(): void {
    if (isScheduled || inFlight >= reservedConnections || waiting.length === 0) return
    isScheduled = true
    setImmediate(flush)
  }

  function flush(): void {
    isScheduled = false
    rejectLate()
    const batch = waiting.length <= maxBatchSize ? waiting : waiting.slice(0, maxBatchSize)
    waiting = waiting.length <= maxBatchSize ? [] : waiting.slice(maxBatchSize)
    if (batch.length === 0) return
    inFlight += 1
    ask(batch)
    schedule()
  }

  function rejectLate(): void {
    const late = performance.now() - deadlineMs
    if ((waiting[0]?.since ?? late) >= late) return
    const inTime = waiting.findIndex(({ since }) => since >= late)
    for (const { reject } of waiting.splice(0, inTime === -1 ? waiting.length : inTime)) {
      reject(new IdentSphereError('service_unavailable'))
    }
  }

  async function ask(batch: readonly Waiting[]): Promise<void> {
    try {
      const ids = batch.map(({ sessionId }) => sessionId)
      const statement = statementFor(ids, clock.offsetSeconds())
      const found = liveSessionsIn(await database.reserved.read(schema, statement))
      for (const { sessionId, resolve } of batch) {
        const row = found.get(sessionId)
        resolve(row === undefined ? null : toLiveSession(row))
      }
    } catch (error) {
      const failure = translateError(error)
      for (const { reject } of batch) reject(failure)
    } finally {
      inFlight -= 1
      schedule()
    }
  }

  return {
    read(sessionId) {
      return new Promise((resolve, reject) => {
        if (!uuid.test(sessionId)) {
          resolve(null)
          return
        }
        if (waiting.length >= maxWaiting) {
          reject(new IdentSphereError('service_unavailable'))
          return
        }
        waiting.push({ sessionId: sessionId.toLowerCase(), since: performance.now(), resolve, reject })
        schedule()
      })
    },
  }
}
