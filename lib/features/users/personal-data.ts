import { noRequest } from '../../core/context.js'
import { IdentSphereError } from '../../core/errors.js'
import type { PersonalData } from '../../core/personal-data.js'
import { exportProfile, lockForErasure } from './repository.js'
import type { SecurityChanges } from './security-change.js'

/** Erasure keeps the row without personal data, so that foreign keys of the host stay valid. */
export function userPersonalData(securityChanges: SecurityChanges): PersonalData {
  return {
    name: 'profile',
    exportUser: exportProfile,
    async eraseUser(tx, userId) {
      await lockForErasure(tx, userId)
      const erased = await securityChanges.apply(tx, 'erased', {
        userId,
        update: { anonymizes: true },
        context: noRequest(),
      })
      if (erased === undefined) throw new IdentSphereError('authentication_required')
    },
  }
}
