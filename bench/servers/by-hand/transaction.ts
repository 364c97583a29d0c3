import type pg from 'pg'

/** A named statement, so that Postgres plans it once per connection. */
export interface Statement {
  name: string
  text: string
  values: unknown[]
}

/** Runs statements one after another in one transaction. */
export async function inTransaction(pool: pg.Pool, statements: readonly Statement[]): Promise<void> {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    for (const statement of statements) await client.query(statement)
    await client.query('COMMIT')
    client.release()
  } catch (error) {
    client.release(true)
    throw error
  }
}

/** A session and its first refresh token. */
export function insertSession(session: {
  id: string
  userId: string
  organizationId: string
  refreshTokenHash: Buffer
  securityVersion: number
}): Statement {
  return {
    name: 'insert-session',
    text: `WITH session AS (
        INSERT INTO by_hand.sessions (id, user_id, organization_id, amr, auth_time, security_version,
          ip_address, created_at, last_seen_at, expires_at)
        SELECT $1, u.id, $3, '{pwd}', now(), u.security_version, '127.0.0.1', now(), now(), now() + interval '30 days'
        FROM by_hand.users u WHERE u.id = $2 AND u.status = 'active' AND u.security_version = $4 RETURNING id
      )
      INSERT INTO by_hand.refresh_tokens (session_id, generation, token_hash) SELECT id, 0, $5 FROM session`,
    values: [session.id, session.userId, session.organizationId, session.securityVersion, session.refreshTokenHash],
  }
}

export function insertAuditRow(row: { id: string; action: string; userId: string; organizationId: string }): Statement {
  return {
    name: 'insert-audit-row',
    text: `INSERT INTO by_hand.audit_rows (id, action, user_id, organization_id, details, created_at)
      VALUES ($1, $2, $3, $4, $5, now())`,
    values: [row.id, row.action, row.userId, row.organizationId, '{"auth_method":"password","ip_address":"127.0.0.1"}'],
  }
}
