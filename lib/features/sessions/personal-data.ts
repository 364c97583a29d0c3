import type { PersonalData } from '../../core/personal-data.js'
import { deleteSessions, listAllSessions } from './repository.js'

export const sessionPersonalData: PersonalData = {
  name: 'sessions',
  exportUser: listAllSessions,
  eraseUser: deleteSessions,
}
