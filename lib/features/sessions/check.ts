import type { Clock } from '../../core/config/clock.js'
import { IdentSphereError } from '../../core/errors.js'
import type { Database } from '../../core/store/database.js'
import { translateError } from '../../core/store/database-errors.js'
import { discardConnection, type RawConnection } from '../../core/store/query-timeout.js'
import { identifier, sql } from '../../core/store/sql.js'
import type { SessionSettings } from './options.js'
import { type SessionFacts, sessionFacts } from './session-facts.js'

/** What the strict check reads of one live session. */
export interface LiveSession extends SessionFacts {
  seen_long_ago: boolean
  in_recovery: boolean
  revoked_kids: string[] | null
}

/** Reads sessions for every guard. */
export interface SessionCheck {
  /**
   * The session, its user, membership and platform row, read by a query that was sent after this call; null where any of
   * them says no.
   *
   * @throws IdentSphereError `service_unavailable` when the database cannot answer in time
   */
  read(sessionId: string): Promise<LiveSession | null>
}

/** Milliseconds. Waiting for a connection and for the answer together. */
const deadline = 1_000
const queriesInFlight = 2
const largestBatch = 256
/** Look-ups beyond this are refused at once: a database that hangs costs bounded memory. */
const mostWaiting = 10_000

interface Waiting {
  sessionId: string
  /** Milliseconds of `performance.now()` when it came. */
  since: number
  resolve(session: LiveSession | null): void
  reject(error: unknown): void
}

/**
 * The one piece of SQL that crosses rooms: sessions, users, memberships, organisations, platform admins and revoked keys in
 * one prepared read. Look-ups that arrive while a query is in flight share the next one, so an idle node waits for nothing
 * and a busy one asks once for many. A result is never kept: revocation holds from the next request on, on every node.
 */
export function createSessionCheck(deps: {
  database: Database
  clock: Clock
  schema: string
  settings: Pick<SessionSettings, 'refreshTokenSeconds' | 'sessionIdleSeconds'>
}): SessionCheck {
  const { database, clock, schema, settings } = deps
  const text = checkSql(schema)
  let waiting: Waiting[] = []
  let inFlight = 0
  let scheduled = false

  function schedule(): void {
    if (scheduled || inFlight >= queriesInFlight || waiting.length === 0) return
    scheduled = true
    setImmediate(flush)
  }

  function flush(): void {
    scheduled = false
    const late = performance.now() - deadline
    const inTime = waiting.findIndex((one) => one.since >= late)
    const first = inTime === -1 ? waiting.length : inTime
    for (const one of waiting.slice(0, first)) one.reject(new IdentSphereError('service_unavailable'))
    const batch = waiting.slice(first, first + largestBatch)
    waiting = waiting.slice(first + largestBatch)
    if (batch.length === 0) return
    inFlight += 1
    ask(batch.map((one) => one.sessionId))
      .then(
        (found) => {
          for (const one of batch) one.resolve(found.get(one.sessionId) ?? null)
        },
        (error: unknown) => {
          const failure = translateError(error)
          for (const one of batch) one.reject(failure)
        },
      )
      .finally(() => {
        inFlight -= 1
        schedule()
      })
    schedule()
  }

  async function ask(ids: string[]): Promise<Map<string, LiveSession>> {
    const values = [ids, settings.refreshTokenSeconds, settings.sessionIdleSeconds ?? 0, clock.offsetSeconds()]
    const rows = await withDeadline((abandoned) => query(values, abandoned))
    if (rows.some((row) => row.in_recovery)) {
      throw new IdentSphereError('service_unavailable', { cause: new Error('the database is a read-only standby') })
    }
    return new Map(rows.map((row) => [row.id, row]))
  }

  async function query(values: unknown[], abandoned: () => boolean): Promise<LiveSession[]> {
    const { client } = database.reserved
    const connection: RawConnection = await client.acquireConnection()
    let usable = false
    try {
      const rows = abandoned() ? [] : await put(connection, values)
      usable = true
      return rows
    } finally {
      // A connection that failed may still deliver the answer to an old question: it never answers another one.
      if (!usable) discardConnection(connection, 'failed during the session check')
      await client.releaseConnection(connection)
    }
  }

  async function put(connection: RawConnection, values: unknown[]): Promise<LiveSession[]> {
    const { statementNames } = database
    const question = { text, values, query_timeout: deadline }
    const name = statementNames.of(schema, text)
    try {
      return (await connection.query<LiveSession>(name === undefined ? question : { ...question, name })).rows
    } catch (error) {
      if (name === undefined || !statementNames.giveUp(schema, text, error)) throw error
      return (await connection.query<LiveSession>(question)).rows
    }
  }

  return {
    read(sessionId) {
      return new Promise((resolve, reject) => {
        if (waiting.length >= mostWaiting) {
          reject(new IdentSphereError('service_unavailable'))
          return
        }
        waiting.push({ sessionId, since: performance.now(), resolve, reject })
        schedule()
      })
    },
  }
}

/** Fails after the deadline even where the driver itself would wait on, e.g. for a connection. */
async function withDeadline<T>(work: (abandoned: () => boolean) => Promise<T>): Promise<T> {
  let late = false
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      late = true
      reject(new IdentSphereError('service_unavailable', { cause: new Error('the session check took over 1 s') }))
    }, deadline)
  })
  try {
    return await Promise.race([work(() => late), tooLate])
  } finally {
    clearTimeout(timer)
  }
}

/**
 * $1 session ids, $2 longest life in seconds, $3 idle seconds or 0, $4 the tests' offset in seconds.
 *
 * The ids come through a sub-select because Postgres then keeps one plan: it would see how few they are otherwise, and plan
 * each time anew, which takes three times as long as the read.
 */
function checkSql(schema: string): string {
  const table = (name: string) => identifier(schema, name)
  const { columns, joins } = sessionFacts({ table })
  const { text } = sql`
    SELECT ${columns}, LEAST(s.expires_at, s.created_at + $2 * interval '1 second') AS expires_at,
      clock.now AS checked_at, s.last_seen_at <= clock.now - interval '1 minute' AS seen_long_ago,
      pg_is_in_recovery() AS in_recovery,
      (SELECT array_agg(kid) FROM ${table('signing_keys')} WHERE state = 'revoked') AS revoked_kids
    FROM (SELECT now() + $4 * interval '1 second' AS now) AS clock
    CROSS JOIN ${table('user_sessions')} s
    ${joins}
    WHERE s.id = ANY ((SELECT $1::uuid[])::uuid[])
      AND s.revoked_at IS NULL
      AND s.expires_at > clock.now
      AND s.created_at + $2 * interval '1 second' > clock.now
      AND ($3 = 0 OR s.last_seen_at + $3 * interval '1 second' > clock.now)`.statement()
  return text
}
