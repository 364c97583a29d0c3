import type { Knex } from 'knex'
import * as budgets from './202611281401_store_budgets.js'
import * as journal from './202611281402_journal_audit_and_events.js'
import * as mail from './202611281403_mail_outbox.js'
import * as signingKeys from './202611281404_tokens_signing_keys.js'
import * as users from './202611281405_users_table.js'
import * as organizations from './202611281406_organizations_and_memberships.js'
import * as platform from './202611281407_platform_admins.js'
import * as sessions from './202611281408_sessions_and_refresh_tokens.js'
import * as signIn from './202611281409_sign_in_challenges.js'
import * as totp from './202611281410_totp_factors_and_recovery_codes.js'
import * as passkeys from './202611281411_passkeys_and_challenges.js'
import * as trustedBrowsers from './202611281412_trusted_browsers_table.js'
import * as email from './202611281413_email_challenges.js'

export interface Migration {
  up(knex: Knex, schema: string): Promise<void>
  down(knex: Knex, schema: string): Promise<void>
}

/**
 * All migrations by name, `YYYYMMDDHHMM_<feature>_<what>`, in the order of the features. A migration may refer only to tables of
 * earlier migrations. Released migrations never change.
 */
export const migrations: Readonly<Record<string, Migration>> = {
  '202611281401_store_budgets': budgets,
  '202611281402_journal_audit_and_events': journal,
  '202611281403_mail_outbox': mail,
  '202611281404_tokens_signing_keys': signingKeys,
  '202611281405_users_table': users,
  '202611281406_organizations_and_memberships': organizations,
  '202611281407_platform_admins': platform,
  '202611281408_sessions_and_refresh_tokens': sessions,
  '202611281409_sign_in_challenges': signIn,
  '202611281410_totp_factors_and_recovery_codes': totp,
  '202611281411_passkeys_and_challenges': passkeys,
  '202611281412_trusted_browsers_table': trustedBrowsers,
  '202611281413_email_challenges': email,
}
