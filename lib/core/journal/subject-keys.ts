import type { KeyObject } from 'node:crypto'
import type { KeyRing } from '../crypto/key-ring.js'
import { randomOctets } from '../crypto/random.js'
import { open, seal, sealingKey } from '../crypto/sealing.js'
import type { Executor, Tx } from '../store/store.js'

interface SubjectKeyRow {
  subject_id: string
  /** Null if the key was destroyed. */
  key_version: number | null
  sealed_key: Buffer | null
}

/** The subject of entries without a known user, e.g. a login with an unknown address. */
export const nobody = '00000000-0000-0000-0000-000000000000'

/**
 * Returns the key that seals the personal fields of a user's audit rows. Each user has one key. Destroying the key erases these
 * fields, and the rows are kept. An erased user gets no new key: a request that is still running then uses a key that is not
 * stored.
 */
export async function subjectKey(tx: Tx, keys: KeyRing, subjectId: string): Promise<KeyObject> {
  const stored = await read(tx, subjectId)
  if (stored !== undefined) return unseal(keys, stored) ?? sealingKey(randomOctets(32))
  const { version, key } = keys.current('sealing')
  const sealed = seal(key, randomOctets(32), context(subjectId))
  await tx.sql`
    INSERT INTO ${tx.table('audit_subject_keys')} (subject_id, key_version, sealed_key, created_at)
    VALUES (${subjectId}, ${version}, ${sealed}, ${tx.now}) ON CONFLICT (subject_id) DO NOTHING`
  // Another transaction may have inserted its key first.
  const inserted = await read(tx, subjectId)
  return (inserted === undefined ? null : unseal(keys, inserted)) ?? sealingKey(randomOctets(32))
}

/** The key of a user, or null if there is none or it was destroyed. */
export async function findSubjectKey(db: Executor, keys: KeyRing, subjectId: string): Promise<KeyObject | null> {
  const stored = await read(db, subjectId)
  return stored === undefined ? null : unseal(keys, stored)
}

/** Destroys the key. The personal fields of the user's audit rows can then never be read again. */
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
  if (bytes === null) throw new Error(`the audit key of ${subject_id} cannot be decrypted`)
  return sealingKey(bytes)
}

function context(subjectId: string): string {
  return `audit_subject_keys.sealed_key:${subjectId}`
}
