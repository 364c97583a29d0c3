import type { SecondFactor } from '../sign-in/service.js'
import { deleteFactors, deletePendingFactor, deleteRecoveryCodes, findEnrolled } from './repository.js'

/** TOTP, with the recovery codes that come with it, as sign-in sees it. What was never confirmed is not there. */
export const totpFactor: SecondFactor = {
  demandsChallenge: true,
  async methods(db, userId) {
    const enrolled = await findEnrolled(db, userId)
    if (enrolled === undefined) return []
    return enrolled.has_codes ? ['totp', 'recovery_code'] : ['totp']
  },
  removePending: deletePendingFactor,
  async removeAll(tx, userId, since) {
    const removed = await deleteFactors(tx, userId, since)
    await deleteRecoveryCodes(tx, userId, removed ? undefined : since)
  },
}
