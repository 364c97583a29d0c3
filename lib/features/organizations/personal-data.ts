import { IdentSphereError } from '../../core/errors.js'
import type { PersonalData } from '../../core/personal-data.js'
import { leaveAll, listMembershipsOf, lockMembers, onlyOwnedWithOthers } from './repository.js'

/** Memberships. Whoever is the only owner of an organisation with other members has to hand it on first. */
export const organizationPersonalData: PersonalData = {
  name: 'organizations',
  exportUser: listMembershipsOf,
  async eraseUser(tx, userId) {
    for (const { organization_id } of await listMembershipsOf(tx, userId)) await lockMembers(tx, organization_id)
    const left = await onlyOwnedWithOthers(tx, userId)
    if (left.length > 0) {
      throw new IdentSphereError('conflict', {
        message: 'Make somebody else an owner of these organisations first, or remove their other members.',
        details: left.map(({ id, name }) => ({ organization_id: id, name })),
      })
    }
    await leaveAll(tx, userId)
  },
}
