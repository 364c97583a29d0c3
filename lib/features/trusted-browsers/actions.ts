import { defineActions } from '../../core/journal/actions.js'

export const actions = defineActions({
  'auth.trusted_browser.added': {},
  'auth.trusted_browser.revoked': {},
})
