import type { PersonalData } from '../../core/personal-data.js'
import { deleteChallenges, deletePasskeys, exportPasskeys } from './repository.js'

export const passkeyPersonalData: PersonalData = {
  name: 'passkeys',
  exportUser: exportPasskeys,
  async eraseUser(tx, userId) {
    await deletePasskeys(tx, userId, null)
    await deleteChallenges(tx, userId)
  },
}
