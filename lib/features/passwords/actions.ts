import { defineActions } from '../../core/journal/actions.js'

export const actions = defineActions({
  'auth.login.failed': {},
  'users.password_changed': { event: 'user.password_changed', hook: 'onPasswordChanged', notice: 'passwordChanged' },
})
