import pg from 'pg'
import { PreparedRead } from './prepared-read.js'

/** The columns of one live session as Postgres sent them: user, organization, role, and what else IdentSphere reads. */
export type Facts = readonly (string | null)[]

type Callback = (error: Error | null, facts: Facts | undefined) => void

/** Facts of one session, read by a query that was sent after the call. Undefined if the session is not live. */
export type SessionReader = (sessionId: string, callback: Callback) => void

const connections = 2
const maxBatchSize = 256
const idColumn = 3

/** The facts that IdentSphere's own check reads, under the same conditions. The longest life is 30 days. */
const text = `
  SELECT s.user_id, o.id, m.role, s.id, s.auth_method, s.amr, s.auth_time, s.mfa_verified_at, s.epoch,
    s.impersonator_id, s.created_at, LEAST(s.expires_at, s.created_at + interval '30 days'),
    u.email, u.email_verified_at, u.display_name, coalesce(o.settings -> 'require_mfa' = 'true'::jsonb, false),
    p.user_id IS NOT NULL, now(), s.last_seen_at <= now() - interval '1 minute', pg_is_in_recovery(),
    (SELECT array_agg(kid) FROM identsphere.signing_keys WHERE state = 'revoked')
  FROM identsphere.user_sessions s
  JOIN identsphere.users u ON u.id = s.user_id AND u.status = 'active' AND u.security_version = s.security_version
  LEFT JOIN identsphere.organizations o ON o.id = s.organization_id AND o.deleted_at IS NULL
  LEFT JOIN identsphere.organization_memberships m ON m.organization_id = o.id AND m.user_id = s.user_id
  LEFT JOIN identsphere.platform_admins p ON p.user_id = s.user_id
  WHERE s.revoked_at IS NULL AND s.expires_at > now() AND s.created_at + interval '30 days' > now()
    AND s.id = `

const readOne = { name: 'one', text: `${text} $1` }
/** The sub-select keeps one plan for any number of ids. */
const readMany = { name: 'many', text: `${text} ANY ((SELECT $1::uuid[])::uuid[])` }

/** Calls that arrive while all connections are busy share the next query. */
export async function createSessionReader(databaseUrl: string): Promise<SessionReader> {
  const idle = await Promise.all(Array.from({ length: connections }, () => connect(databaseUrl)))
  let waiting: { sessionId: string; callback: Callback }[] = []
  let isScheduled = false

  function schedule(): void {
    if (isScheduled || waiting.length === 0 || idle.length === 0) return
    isScheduled = true
    setImmediate(flush)
  }

  function flush(): void {
    isScheduled = false
    const client = idle.pop()
    if (client === undefined) return
    const batch = waiting.slice(0, maxBatchSize)
    waiting = waiting.slice(maxBatchSize)
    const [first] = batch
    const question =
      batch.length === 1 && first !== undefined
        ? { ...readOne, value: first.sessionId }
        : { ...readMany, value: `{${batch.map(({ sessionId }) => sessionId).join(',')}}` }
    client.query(
      new PreparedRead(question, (error, rows) => {
        idle.push(client)
        for (const { sessionId, callback } of batch) {
          callback(error, rows.length === 1 && batch.length === 1 ? rows[0] : rowOf(rows, sessionId))
        }
        schedule()
      }),
    )
    schedule()
  }

  return (sessionId, callback) => {
    waiting.push({ sessionId, callback })
    schedule()
  }
}

function rowOf(rows: readonly Facts[], sessionId: string): Facts | undefined {
  return rows.find((row) => row[idColumn] === sessionId)
}

async function connect(databaseUrl: string): Promise<pg.Client> {
  const client = new pg.Client(databaseUrl)
  await client.connect()
  return client
}
