import type { SecondFactor } from '../sign-in/service.js'
import { countRecoveryCodes, deleteFactors, deleteRecoveryCodes, findConfirmedFactor } from './repository.js'

/** TOTP, with the recovery codes that come with it, as sign-in sees it. What was never confirmed is not there. */
export const totpFactor: SecondFactor = {
  demandsChallenge: true,
  async methods(db, userId) {
    if ((await findConfirmedFactor(db, userId)) === undefined) return []
    return (await countRecoveryCodes(db, userId)) > 0 ? ['totp', 'recovery_code'] : ['totp']
  },
  async removeAll(tx, userId, since) {
    const removed = await deleteFactors(tx, userId, since)
    if (since === undefined || removed) await deleteRecoveryCodes(tx, userId)
  },
}
