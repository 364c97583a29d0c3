import { defineActions } from '../../core/journal/actions.js'

export const actions = defineActions({
  'organizations.created': { event: 'organization.created' },
  'organizations.updated': {},
  'members.added': { event: 'member.added' },
  'members.role_changed': { event: 'member.role_changed' },
  'members.removed': { event: 'member.removed' },
})
