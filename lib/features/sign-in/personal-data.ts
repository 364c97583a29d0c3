import type { PersonalData } from '../../core/personal-data.js'
import { deleteChallenges, listChallenges } from './repository.js'

export const signInPersonalData: PersonalData = {
  name: 'login_challenges',
  exportUser: listChallenges,
  eraseUser: deleteChallenges,
}
