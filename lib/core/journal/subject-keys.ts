import type { KeyObject } from 'node:crypto'
import type { KeyRing } from '../crypto/key-ring.js'
import { randomOctets } from '../crypto/random.js'
import { open, seal, sealingKey } from '../crypto/sealing.js'
import { sql } from '../store/sql.js'
import type { Executor, Tx } from '../store/store.js'
import { type Query, query, sendTogether } from '../store/together.js'

/** The subject of entries without a known user, e.g. a login with an unknown address. */
export const nobody = '00000000-0000-0000-0000-000000000000'

/**
 * Keys that seal the personal fields of audit rows. Each user has one key. Destroying the key erases these fields, and the rows are kept.
 * An erased user gets no new key: a request that is still running then uses a key that is not stored.
 */
export interface SubjectKeys {
  /** The key of a user, which is made if there is none. */
  of(tx: Tx, subjectId: string): Promise<KeyObject>
  /** Reads the key for `of`, to be sent with other statements. Nothing if this transaction has read it already. */
  reading(tx: Tx, subjectId: string): readonly Query<void>[]
  /** Makes the key of a new user for `of`, to be sent with other statements. */
  making(tx: Tx, subjectId: string): Query<void>
}

export function createSubjectKeys(keys: KeyRing): SubjectKeys {
  /** Keys are remembered for one transaction, so that none outlives an erasure. */
  const remembered = new WeakMap<Tx, Map<string, KeyObject>>()

  function remember(tx: Tx, subjectId: string, key: KeyObject): void {
    const known = remembered.get(tx)
    if (known === undefined) remembered.set(tx, new Map([[subjectId, key]]))
    else known.set(subjectId, key)
  }

  function reading(tx: Tx, subjectId: string): Query<void> {
    return query<StoredKey, void>(stored(tx, subjectId), ([row]) => {
      if (row !== undefined) remember(tx, subjectId, unseal(keys, subjectId, row) ?? throwawayKey())
    })
  }

  function making(tx: Tx, subjectId: string): Query<void> {
    const { version, key } = keys.current('sealing')
    const bytes = randomOctets(32)
    return query(
      sql`
        INSERT INTO ${tx.table('audit_subject_keys')} (subject_id, key_version, sealed_key, created_at)
        VALUES (${subjectId}, ${version}, ${seal(key, bytes, context(subjectId))}, ${tx.now})
        ON CONFLICT (subject_id) DO NOTHING RETURNING 1 AS made`,
      (rows) => {
        if (rows.length > 0) remember(tx, subjectId, sealingKey(bytes))
      },
    )
  }

  return {
    reading: (tx, subjectId) => (remembered.get(tx)?.has(subjectId) === true ? [] : [reading(tx, subjectId)]),
    making,
    async of(tx, subjectId) {
      // Another transaction may have inserted its key first. The last read sees it.
      for (const attempt of [reading, making, reading]) {
        const known = remembered.get(tx)?.get(subjectId)
        if (known !== undefined) return known
        await sendTogether(tx, { key: [attempt(tx, subjectId)] })
      }
      return remembered.get(tx)?.get(subjectId) ?? throwawayKey()
    },
  }
}

/** The key of a user, or null if there is none or it was destroyed. */
export async function findSubjectKey(db: Executor, keys: KeyRing, subjectId: string): Promise<KeyObject | null> {
  const [row] = await db.sql<StoredKey>`${stored(db, subjectId)}`
  return row === undefined ? null : unseal(keys, subjectId, row)
}

/** Destroys the key. The personal fields of the user's audit rows can then never be read again. */
export async function forgetSubjectKey(tx: Tx, subjectId: string): Promise<void> {
  await tx.sql`
    INSERT INTO ${tx.table('audit_subject_keys')} (subject_id, created_at) VALUES (${subjectId}, ${tx.now})
    ON CONFLICT (subject_id) DO UPDATE SET key_version = NULL, sealed_key = NULL`
}

interface StoredKey {
  /** Null if the key was destroyed. */
  key_version: number | null
  /** In base64. */
  sealed_key: string | null
}

const stored = (db: Executor, subjectId: string) => sql`
  SELECT key_version, encode(sealed_key, 'base64') AS sealed_key FROM ${db.table('audit_subject_keys')}
  WHERE subject_id = ${subjectId}`

/** @returns null if the key was destroyed */
function unseal(keys: KeyRing, subjectId: string, { key_version, sealed_key }: StoredKey): KeyObject | null {
  if (key_version === null || sealed_key === null) return null
  const key = keys.version('sealing', key_version)
  const bytes = key === null ? null : open(key, Buffer.from(sealed_key, 'base64'), context(subjectId))
  if (bytes === null) throw new Error(`the audit key of ${subjectId} cannot be decrypted`)
  return sealingKey(bytes)
}

/** A key that is not stored: what it seals is never read. */
const throwawayKey = () => sealingKey(randomOctets(32))

function context(subjectId: string): string {
  return `audit_subject_keys.sealed_key:${subjectId}`
}
