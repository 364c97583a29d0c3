import { noRequest } from '../../core/context.js'
import type { Journal } from '../../core/journal/journal.js'
import type { Executor, Store } from '../../core/store/store.js'
import { actions } from './actions.js'

/** Revokes a signing key. The session check of every node reads the revoked keys with its next query. */
export async function revokeKey({ store, journal }: { store: Store; journal: Journal }, kid: string): Promise<void> {
  await store.transaction(async (tx) => {
    await tx.sql`INSERT INTO ${tx.table('signing_keys')} (kid, state, updated_at) VALUES (${kid}, 'revoked', ${tx.now})
       ON CONFLICT (kid) DO UPDATE SET state = 'revoked', updated_at = excluded.updated_at`
    await journal.record(tx, actions['keys.revoked'], {
      actorId: null,
      resource: { type: 'signing_key', id: kid },
      context: noRequest(),
    })
  })
}

export async function revokedKeys(db: Executor): Promise<Set<string>> {
  const rows = await db.sql<{ kid: string }>`SELECT kid FROM ${db.table('signing_keys')} WHERE state = 'revoked'`
  return new Set(rows.map((row) => row.kid))
}
