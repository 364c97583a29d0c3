import type { Role } from '../../core/auth.js'
import { IdentSphereError } from '../../core/errors.js'
import { type Fragment, identifier, sql } from '../../core/store/sql.js'
import type { TextRow, TextStatement } from '../../core/store/text-query.js'
import type { SessionSettings } from './options.js'
import { type SessionFacts, sessionFacts } from './session-facts.js'

/** What the session check reads of one live session. */
export interface LiveSession extends SessionFacts {
  /** More than a minute ago. */
  seen_long_ago: boolean
  /** Ids of signing keys that no node may accept any more. */
  revoked_kids: readonly string[]
}

type Limits = Pick<SessionSettings, 'refreshTokenSeconds' | 'sessionIdleSeconds'>

/** Reads live sessions by id. The answer comes in rows for {@link liveSessionsIn}. */
export type SessionStatement = (ids: readonly string[], offsetSeconds: number) => TextStatement

/**
 * The statements are made once. Only tests move the clock, and only then is there another text.
 *
 * Several ids come through a sub-select, because Postgres then keeps one plan. Otherwise it would see how few they are and plan
 * each time anew, which takes three times as long as the read.
 */
export function createSessionStatement(schema: string, limits: Limits): SessionStatement {
  const make = (now: Fragment) => ({
    one: statementWith(sessionSql(schema, sql`${wantedIds}`, now, limits)),
    many: statementWith(sessionSql(schema, sql`ANY ((SELECT ${wantedIds}::uuid[])::uuid[])`, now, limits)),
  })
  const atRealTime = make(sql`now()`)
  return (ids, offsetSeconds) => {
    const { one, many } =
      offsetSeconds === 0 ? atRealTime : make(sql`(now() + ${offsetSeconds}::float8 * interval '1 second')`)
    const [first = ''] = ids
    return ids.length === 1 ? one(first) : many(`{${ids.join(',')}}`)
  }
}

/** Stands for the ids in a statement. */
const wantedIds = 'ids'

function statementWith(fragment: Fragment): (ids: string) => TextStatement {
  const { text, values } = fragment.statement()
  const texts = values.map(String)
  const index = texts.indexOf(wantedIds)
  return (ids) => {
    const given = texts.slice()
    given[index] = ids
    return { text, values: given }
  }
}

/**
 * One row for each live session, or one row without a session: what the database says of itself comes in any case. Times are
 * seconds since the Unix epoch, so that they do not depend on the date format of the connection.
 */
function sessionSql(schema: string, ids: Fragment, now: Fragment, limits: Limits): Fragment {
  const { refreshTokenSeconds: longestLife, sessionIdleSeconds: idle } = limits
  const table = (name: string) => identifier(schema, name)
  const andInUse = idle === null ? sql`` : sql`AND s.last_seen_at + ${idle} * interval '1 second' > ${now}`
  return sql`
    SELECT current_setting('transaction_read_only'), s.id, s.user_id, o.id, m.role, u.email, u.display_name,
      s.auth_method, array_to_string(s.amr, ' '), s.epoch, date_part('epoch', s.auth_time),
      date_part('epoch', s.mfa_verified_at), s.impersonator_id, date_part('epoch', s.created_at),
      date_part('epoch', LEAST(s.expires_at, s.created_at + ${longestLife} * interval '1 second')),
      date_part('epoch', u.email_verified_at), coalesce(o.settings -> 'require_mfa' = 'true'::jsonb, false),
      p.user_id IS NOT NULL, s.last_seen_at <= ${now} - interval '1 minute', date_part('epoch', ${now}),
      (SELECT string_agg(kid, ' ') FROM ${table('signing_keys')} WHERE state = 'revoked')
    FROM (SELECT) AS always LEFT JOIN (
      ${table('user_sessions')} s
      ${sessionFacts({ table }).joins}
    ) ON s.id = ${ids} AND s.revoked_at IS NULL AND s.expires_at > ${now}
      AND s.created_at + ${longestLife} * interval '1 second' > ${now} ${andInUse}`
}

/**
 * The rows by session id.
 *
 * @throws IdentSphereError `service_unavailable` if the database is a standby or refuses writes: it may be behind
 */
export function liveSessionsIn(rows: readonly TextRow[]): ReadonlyMap<string | null, TextRow> {
  const [isReadOnly] = rows[0] ?? []
  if (isReadOnly !== 'off') {
    throw new IdentSphereError('service_unavailable', {
      cause: new Error('the database is read-only, such as a standby'),
    })
  }
  const byId = new Map<string | null, TextRow>()
  for (const row of rows) byId.set(row[1] ?? null, row)
  return byId
}

/** An object that no other request shares, so that none can change what another one reads. */
export function toLiveSession(row: TextRow): LiveSession {
  return {
    id: row[1] as string,
    user_id: row[2] as string,
    organization_id: row[3] as string | null,
    role: row[4] as Role | null,
    email: row[5] as string,
    display_name: row[6] as string | null,
    auth_method: row[7] as string,
    amr: words(row[8]),
    epoch: Number(row[9]),
    auth_time: time(row[10]) as Date,
    mfa_verified_at: time(row[11]),
    impersonator_id: row[12] as string | null,
    created_at: time(row[13]) as Date,
    expires_at: time(row[14]) as Date,
    email_verified_at: time(row[15]),
    organization_requires_mfa: row[16] === 't',
    is_platform_admin: row[17] === 't',
    seen_long_ago: row[18] === 't',
    checked_at: time(row[19]) as Date,
    revoked_kids: words(row[20]),
  }
}

/** Postgres' infinity becomes a number, as the driver has it: it is no date, and nothing is recent by it. */
function time(seconds: string | null | undefined): Date | null {
  if (seconds == null) return null
  const number = Number(seconds)
  // Half a microsecond makes up for what the fraction of seconds lacks.
  return Number.isFinite(number) ? new Date(Math.floor(number * 1000 + 0.0005)) : (number as unknown as Date)
}

function words(text: string | null | undefined): string[] {
  return text == null || text === '' ? [] : text.split(' ')
}
