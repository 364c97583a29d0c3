import { defineActions } from '../../core/journal/actions.js'

export const actions = defineActions({
  'auth.logout': { hook: 'onSignOut' },
  'auth.refresh.reused': { event: 'session.reuse_detected', hook: 'onRefreshReused', notice: 'sessionReused' },
  'sessions.revoked': { event: 'session.revoked', hook: 'onSessionRevoked' },
})
