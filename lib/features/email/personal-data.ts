import type { PersonalData } from '../../core/personal-data.js'
import { deleteChallenges, listChallenges } from './repository.js'

export const emailPersonalData: PersonalData = {
  name: 'email_challenges',
  exportUser: listChallenges,
  eraseUser: deleteChallenges,
}
