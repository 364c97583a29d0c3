import { defineActions } from '../../core/journal/actions.js'

export const actions = defineActions({
  'auth.mfa.enabled': { event: 'mfa.enabled', notice: 'mfaEnabled' },
  'auth.mfa.replaced': { event: 'mfa.enabled', notice: 'mfaReplaced' },
  'auth.mfa.recovery_codes_regenerated': { notice: 'recoveryCodesRenewed' },
  'auth.mfa.recovery_code_used': { notice: 'recoveryCodeUsed' },
  'auth.mfa.guessing_noticed': { notice: 'secondFactorBlocked' },
})
