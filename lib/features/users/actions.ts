import { defineActions } from '../../core/journal/actions.js'

export const actions = defineActions({
  'users.updated': { event: 'user.updated' },
  'users.imported': {},
  'users.disabled': {},
  'users.enabled': {},
})
