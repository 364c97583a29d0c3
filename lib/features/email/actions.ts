import { defineActions } from '../../core/journal/actions.js'

export const actions = defineActions({
  'users.email_verified': { event: 'user.email_verified' },
  'users.email_changed': { event: 'user.updated' },
  'users.changes_undone': { event: 'user.updated' },
  'users.taken_over': {},
})
