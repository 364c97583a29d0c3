import { defineActions } from '../../core/journal/actions.js'

export const actions = defineActions({
  'auth.mfa.step_up': {},
  'auth.mfa.disabled': { event: 'mfa.disabled', notice: 'mfaDisabled' },
})
