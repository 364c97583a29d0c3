import type { Executor } from '../store/store.js'

/** Takes a signing key out of use at once: the session check of every node reads this with its next query. */
export async function revokeKey(db: Executor, kid: string): Promise<void> {
  await db.sql(
    `INSERT INTO ${db.schema}.signing_keys (kid, state, updated_at) VALUES (?, 'revoked', ${db.nowSql})
     ON CONFLICT (kid) DO UPDATE SET state = 'revoked', updated_at = excluded.updated_at`,
    [kid],
  )
}

export async function revokedKeys(db: Executor): Promise<Set<string>> {
  const rows = await db.sql<{ kid: string }>(`SELECT kid FROM ${db.schema}.signing_keys WHERE state = 'revoked'`)
  return new Set(rows.map((row) => row.kid))
}
