import type { KeyRing } from '../crypto/key-ring.js'
import { open } from '../crypto/sealing.js'
import type { PersonalData } from '../personal-data.js'
import { findSubjectKey, forgetSubjectKey } from './subject-keys.js'

/** Newest rows that are shown to their subject. */
const mostRows = 10_000

interface AuditRow {
  id: string
  action: string
  status: string
  created_at: Date
  sealed_personal: Buffer
}

/** Audit rows stay, for they are a record; what they say of the person is erased with the key that it is sealed under. */
export function journalPersonalData(keys: KeyRing): PersonalData {
  return {
    name: 'audit_logs',
    async exportUser(db, userId) {
      const key = await findSubjectKey(db, keys, userId)
      const rows = await db.sql<AuditRow>`
        SELECT id, action, status, created_at, sealed_personal FROM ${db.table('audit_logs')}
        WHERE subject_id = ${userId} ORDER BY created_at DESC, id DESC LIMIT ${mostRows}`
      return rows.map(({ id, action, status, created_at, sealed_personal }) => {
        const bytes = key === null ? null : open(key, sealed_personal, `audit_logs.sealed_personal:${id}`)
        return { id, action, status, created_at, ...(bytes === null ? {} : JSON.parse(bytes.toString('utf8'))) }
      })
    },
    eraseUser: forgetSubjectKey,
  }
}
