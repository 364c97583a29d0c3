import type { PersonalData } from '../../core/personal-data.js'
import { deleteFactors, deleteRecoveryCodes, listFactors, listRecoveryCodes } from './repository.js'

export const totpPersonalData: PersonalData = {
  name: 'second_factors',
  exportUser: async (db, userId) => ({
    factors: await listFactors(db, userId),
    recovery_codes: await listRecoveryCodes(db, userId),
  }),
  async eraseUser(tx, userId) {
    await deleteFactors(tx, userId)
    await deleteRecoveryCodes(tx, userId)
  },
}
