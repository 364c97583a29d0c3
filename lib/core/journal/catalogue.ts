import type { NoticeName } from '../../features/email/notices.js'
import type { Hooks } from '../config/options.js'

/** What one action tells the world, besides its audit row. */
interface Announcement {
  /** The webhook event that it is. */
  event?:
    | 'user.registered'
    | 'user.updated'
    | 'user.email_verified'
    | 'user.deleted'
    | 'user.password_changed'
    | 'session.revoked'
    | 'session.reuse_detected'
    | 'organization.created'
    | 'member.added'
    | 'member.role_changed'
    | 'member.removed'
    | 'mfa.enabled'
    | 'mfa.disabled'
    | 'passkey.added'
    | 'passkey.removed'
  /** The mail to whom it concerns. */
  notice?: NoticeName
  /** The host's hook, called after the commit. */
  hook?: Exclude<keyof Hooks, 'beforeRegister' | 'beforeSignIn'>
}

/**
 * Every action that IdentSphere records. The names are a contract: audit rows, filters and exports use them.
 */
export const catalogue = {
  'auth.register': { event: 'user.registered', hook: 'onRegister' },
  'auth.login': { hook: 'onSignIn' },
  'auth.login.failed': {},
  'auth.login.mfa_required': {},
  'auth.email_otp.login': { hook: 'onSignIn' },
  'auth.email_otp.mfa_required': {},
  'auth.password_reset.consumed': {},
  'auth.mfa.enabled': { event: 'mfa.enabled', notice: 'mfaEnabled' },
  'auth.mfa.replaced': { event: 'mfa.enabled', notice: 'mfaReplaced' },
  'auth.mfa.disabled': { event: 'mfa.disabled', notice: 'mfaDisabled' },
  'auth.mfa.recovery_codes_regenerated': { notice: 'recoveryCodesRenewed' },
  'auth.mfa.recovery_code_used': { notice: 'recoveryCodeUsed' },
  'auth.mfa.step_up': {},
  'auth.mfa.challenge.succeeded': {},
  'auth.mfa.challenge.failed': {},
  'auth.mfa.challenge.locked': {},
  'auth.passkey.added': { event: 'passkey.added', notice: 'passkeyAdded' },
  'auth.passkey.removed': { event: 'passkey.removed', notice: 'passkeyRemoved' },
  'auth.passkey.login': { hook: 'onSignIn' },
  'auth.passkey.counter_regressed': {},
  'auth.logout': { hook: 'onSignOut' },
  'auth.reauthenticated': {},
  'auth.refresh.reused': { event: 'session.reuse_detected', hook: 'onRefreshReused', notice: 'sessionReused' },
  'sessions.revoked': { event: 'session.revoked', hook: 'onSessionRevoked' },
  'users.updated': { event: 'user.updated' },
  'users.email_verified': { event: 'user.email_verified' },
  'users.email_changed': { event: 'user.updated' },
  'users.changes_undone': { event: 'user.updated' },
  'users.taken_over': {},
  'users.deleted': { event: 'user.deleted', notice: 'accountErased' },
  'users.password_changed': { event: 'user.password_changed', hook: 'onPasswordChanged', notice: 'passwordChanged' },
  'users.imported': {},
  'users.disabled': {},
  'users.enabled': {},
  'organizations.updated': {},
  'organizations.created': { event: 'organization.created' },
  'members.added': { event: 'member.added' },
  'members.role_changed': { event: 'member.role_changed' },
  'members.removed': { event: 'member.removed' },
  'auth.trusted_browser.added': {},
  'auth.trusted_browser.revoked': {},
  'keys.revoked': {},
} as const satisfies Record<string, Announcement>

export type Action = keyof typeof catalogue

export function announcementOf(action: Action): Announcement {
  return catalogue[action]
}
