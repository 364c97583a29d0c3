import type { PersonalData } from '../../core/personal-data.js'
import { leaveAll, listMembershipsOf, lockMembers } from './repository.js'
import { assertNoOrphans } from './rules/last-owner.js'

/** The only owner of an organization with other members must make another member an owner first. */
export const organizationPersonalData: PersonalData = {
  name: 'organizations',
  exportUser: listMembershipsOf,
  async eraseUser(tx, userId) {
    for (const { organization_id } of await listMembershipsOf(tx, userId)) await lockMembers(tx, organization_id)
    await assertNoOrphans(tx, userId)
    await leaveAll(tx, userId)
  },
}
