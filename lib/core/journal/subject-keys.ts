import type { KeyObject } from 'node:crypto'
import type { KeyRing } from '../crypto/key-ring.js'
import { randomOctets } from '../crypto/random.js'
import { open, seal, sealingKey } from '../crypto/sealing.js'
import type { Executor, Tx } from '../store/store.js'

interface SubjectKeyRow {
  subject_id: string
  key_version: number
  sealed_key: Buffer
}

/** The subject of rows that are about nobody known, e.g. a login with an address that has no account. */
export const nobody = '00000000-0000-0000-0000-000000000000'

/**
 * One key a subject, under which the personal fields of audit rows are sealed. Destroying the key erases what the rows
 * say about the person, while the rows themselves stay. Who was erased gets none again: what is recorded of them afterwards, by
 * a request that began before, is sealed under a key that nobody keeps.
 */
export async function subjectKey(tx: Tx, keys: KeyRing, subjectId: string): Promise<KeyObject> {
  const stored = await read(tx, subjectId)
  if (stored !== undefined) return unseal(keys, stored)
  const { version, key } = keys.current('sealing')
  const bytes = randomOctets(32)
  await tx.sql`
    INSERT INTO ${tx.table('audit_subject_keys')} (subject_id, key_version, sealed_key, created_at)
    SELECT ${subjectId}, ${version}, ${seal(key, bytes, context(subjectId))}, ${tx.now}
    WHERE NOT EXISTS (SELECT 1 FROM ${tx.table('users')} WHERE id = ${subjectId} AND status = 'deleted')
    ON CONFLICT (subject_id) DO NOTHING`
  // Whoever came first has won; the row is committed or ours, so this read sees it.
  const kept = await read(tx, subjectId)
  return kept === undefined ? sealingKey(bytes) : unseal(keys, kept)
}

/** The key of a subject, or null where it has none, or it was destroyed. */
export async function findSubjectKey(db: Executor, keys: KeyRing, subjectId: string): Promise<KeyObject | null> {
  const stored = await read(db, subjectId)
  return stored === undefined ? null : unseal(keys, stored)
}

/** What audit rows say of the subject can be read by nobody from then on. */
export async function forgetSubjectKey(tx: Tx, subjectId: string): Promise<void> {
  await tx.sql`DELETE FROM ${tx.table('audit_subject_keys')} WHERE subject_id = ${subjectId}`
}

async function read(db: Executor, subjectId: string): Promise<SubjectKeyRow | undefined> {
  const [row] = await db.sql<SubjectKeyRow>`
    SELECT subject_id, key_version, sealed_key FROM ${db.table('audit_subject_keys')} WHERE subject_id = ${subjectId}`
  return row
}

function unseal(keys: KeyRing, row: SubjectKeyRow): KeyObject {
  const key = keys.version('sealing', row.key_version)
  const bytes = key === null ? null : open(key, row.sealed_key, context(row.subject_id))
  if (bytes === null) throw new Error(`the audit key of ${row.subject_id} does not open`)
  return sealingKey(bytes)
}

function context(subjectId: string): string {
  return `audit_subject_keys.sealed_key:${subjectId}`
}
