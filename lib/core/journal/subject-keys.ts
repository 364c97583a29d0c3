import type { KeyObject } from 'node:crypto'
import type { KeyRing } from '../crypto/key-ring.js'
import { randomOctets } from '../crypto/random.js'
import { open, seal, sealingKey } from '../crypto/sealing.js'
import type { Executor, Tx } from '../store/store.js'

interface SubjectKeyRow {
  subject_id: string
  /** Null with the key: it was destroyed. */
  key_version: number | null
  sealed_key: Buffer | null
}

/** The subject of rows that are about no known user, e.g. a login with an address that has no account. */
export const nobody = '00000000-0000-0000-0000-000000000000'

/**
 * One key a subject, which seals the personal fields of audit rows. Destroying the key erases what the rows say about the user, while the
 * rows themselves stay. An erased user gets no other key: what a request records that began before is sealed under a key that is not kept.
 */
export async function subjectKey(tx: Tx, keys: KeyRing, subjectId: string): Promise<KeyObject> {
  const stored = await read(tx, subjectId)
  if (stored !== undefined) return unseal(keys, stored) ?? sealingKey(randomOctets(32))
  const { version, key } = keys.current('sealing')
  const sealed = seal(key, randomOctets(32), context(subjectId))
  await tx.sql`
    INSERT INTO ${tx.table('audit_subject_keys')} (subject_id, key_version, sealed_key, created_at)
    VALUES (${subjectId}, ${version}, ${sealed}, ${tx.now}) ON CONFLICT (subject_id) DO NOTHING`
  // The first insert wins. Its row is committed or ours, so this read sees it.
  const kept = await read(tx, subjectId)
  return (kept === undefined ? null : unseal(keys, kept)) ?? sealingKey(randomOctets(32))
}

/** The key of a subject; null if there is none, or if it was destroyed. */
export async function findSubjectKey(db: Executor, keys: KeyRing, subjectId: string): Promise<KeyObject | null> {
  const stored = await read(db, subjectId)
  return stored === undefined ? null : unseal(keys, stored)
}

/** Destroys the key. From then on no one can read what audit rows say about the subject. */
export async function forgetSubjectKey(tx: Tx, subjectId: string): Promise<void> {
  await tx.sql`
    INSERT INTO ${tx.table('audit_subject_keys')} (subject_id, created_at) VALUES (${subjectId}, ${tx.now})
    ON CONFLICT (subject_id) DO UPDATE SET key_version = NULL, sealed_key = NULL`
}

async function read(db: Executor, subjectId: string): Promise<SubjectKeyRow | undefined> {
  const [row] = await db.sql<SubjectKeyRow>`
    SELECT subject_id, key_version, sealed_key FROM ${db.table('audit_subject_keys')} WHERE subject_id = ${subjectId}`
  return row
}

/** @returns null if the key was destroyed */
function unseal(keys: KeyRing, { subject_id, key_version, sealed_key }: SubjectKeyRow): KeyObject | null {
  if (key_version === null || sealed_key === null) return null
  const key = keys.version('sealing', key_version)
  const bytes = key === null ? null : open(key, sealed_key, context(subject_id))
  if (bytes === null) throw new Error(`the audit key of ${subject_id} does not open`)
  return sealingKey(bytes)
}

function context(subjectId: string): string {
  return `audit_subject_keys.sealed_key:${subjectId}`
}
