import type { KeyRing } from '../crypto/key-ring.js'
import { open } from '../crypto/sealing.js'
import type { PersonalData } from '../personal-data.js'
import { findSubjectKey, forgetSubjectKey } from './subject-keys.js'

/** The export contains only the newest rows. */
const maxExportedRows = 10_000

interface AuditRow {
  id: string
  action: string
  status: string
  created_at: Date
  sealed_personal: Buffer
}

/** Audit rows are kept after erasure. Their personal fields are sealed, and erasure destroys the key. */
export function journalPersonalData(keys: KeyRing): PersonalData {
  return {
    name: 'audit_logs',
    async exportUser(db, userId) {
      const key = await findSubjectKey(db, keys, userId)
      const rows = await db.sql<AuditRow>`
        SELECT id, action, status, created_at, sealed_personal FROM ${db.table('audit_logs')}
        WHERE subject_id = ${userId} ORDER BY created_at DESC, id DESC LIMIT ${maxExportedRows}`
      return rows.map(({ id, action, status, created_at, sealed_personal }) => {
        const bytes = key === null ? null : open(key, sealed_personal, `audit_logs.sealed_personal:${id}`)
        return { id, action, status, created_at, ...(bytes === null ? {} : JSON.parse(bytes.toString('utf8'))) }
      })
    },
    eraseUser: forgetSubjectKey,
  }
}
