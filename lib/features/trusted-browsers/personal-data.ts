import type { PersonalData } from '../../core/personal-data.js'
import { deleteBrowsers, listAllBrowsers } from './repository.js'

export const trustedBrowserPersonalData: PersonalData = {
  name: 'trusted_browsers',
  exportUser: listAllBrowsers,
  eraseUser: deleteBrowsers,
}
