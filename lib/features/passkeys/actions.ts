import { defineActions } from '../../core/journal/actions.js'

export const actions = defineActions({
  'auth.passkey.added': { event: 'passkey.added', notice: 'passkeyAdded' },
  'auth.passkey.removed': { event: 'passkey.removed', notice: 'passkeyRemoved' },
  'auth.passkey.counter_regressed': {},
})
