import { defineActions } from '../../core/journal/actions.js'

export const actions = defineActions({
  'auth.login': { hook: 'onSignIn' },
  'auth.login.mfa_required': {},
  'auth.email_otp.login': { hook: 'onSignIn' },
  'auth.email_otp.mfa_required': {},
  'auth.passkey.login': { hook: 'onSignIn' },
  'auth.mfa.challenge.succeeded': {},
  'auth.mfa.challenge.failed': {},
  'auth.mfa.challenge.locked': {},
  'auth.reauthenticated': {},
})
