import { noRequest } from '../../core/context.js'
import { IdentSphereError } from '../../core/errors.js'
import type { PersonalData } from '../../core/personal-data.js'
import { exportProfile } from './repository.js'
import type { SecurityChanges } from './security-change.js'

/** The row stays without anything personal in it, so that foreign keys of the host hold. */
export function userPersonalData(securityChanges: SecurityChanges): PersonalData {
  return {
    name: 'profile',
    exportUser: exportProfile,
    async eraseUser(tx, userId) {
      const erased = await securityChanges.apply(tx, 'erased', {
        userId,
        update: { anonymizes: true },
        context: noRequest(),
      })
      if (erased === undefined) throw new IdentSphereError('authentication_required')
    },
  }
}
