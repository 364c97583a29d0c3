import type { PersonalData } from '../../core/personal-data.js'
import {
  deleteChallenges,
  deleteFactors,
  deleteRecoveryCodes,
  listChallenges,
  listFactors,
  listRecoveryCodes,
} from './repository.js'

export const mfaPersonalData: PersonalData = {
  name: 'second_factors',
  exportUser: async (db, userId) => ({
    factors: await listFactors(db, userId),
    recovery_codes: await listRecoveryCodes(db, userId),
    challenges: await listChallenges(db, userId),
  }),
  async eraseUser(tx, userId) {
    await deleteFactors(tx, userId)
    await deleteRecoveryCodes(tx, userId)
    await deleteChallenges(tx, userId)
  },
}
