import type { Knex } from 'knex'
import * as accounts from './202611230001_accounts_users_and_organizations.js'
import * as sessions from './202611230002_sessions_and_refresh_tokens.js'
import * as journal from './202611230003_journal_audit_events_mail.js'
import * as budgets from './202611230004_store_budgets.js'
import * as tokens from './202611230005_tokens_signing_keys.js'
import * as email from './202611240001_email_challenges_and_mail.js'
import * as mfa from './202611240002_mfa.js'
import * as passkeys from './202611240003_passkeys.js'
import * as trustedBrowsers from './202611240004_trusted_browsers.js'
import * as sessionsTrust from './202611250001_sessions_trusted_browser.js'

/** One step of the schema, forward and back. */
export interface Migration {
  up(knex: Knex, schema: string): Promise<void>
  down(knex: Knex, schema: string): Promise<void>
}

/** Every migration by the name that is recorded: `YYYYMMDDHHMM_<room>_<what>`. Only ever added to. */
export const migrations: Readonly<Record<string, Migration>> = {
  '202611230001_accounts_users_and_organizations': accounts,
  '202611230002_sessions_and_refresh_tokens': sessions,
  '202611230003_journal_audit_events_mail': journal,
  '202611230004_store_budgets': budgets,
  '202611230005_tokens_signing_keys': tokens,
  '202611240001_email_challenges_and_mail': email,
  '202611240002_mfa': mfa,
  '202611240003_passkeys': passkeys,
  '202611240004_trusted_browsers': trustedBrowsers,
  '202611250001_sessions_trusted_browser': sessionsTrust,
}
