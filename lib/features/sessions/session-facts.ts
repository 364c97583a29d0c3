import type { Role } from '../../core/auth.js'
import { type Fragment, sql } from '../../core/store/sql.js'
import type { Executor } from '../../core/store/store.js'

/** What tokens are minted from. */
export interface SessionForTokens {
  id: string
  user_id: string
  organization_id: string | null
  email: string
  epoch: number
  auth_time: Date
  amr: string[]
  created_at: Date
  expires_at: Date
  checked_at: Date
}

/** What is known of a live session, with its user, organization and role. */
export interface SessionFacts extends SessionForTokens {
  auth_method: string
  mfa_verified_at: Date | null
  impersonator_id: string | null
  email_verified_at: Date | null
  display_name: string | null
  role: Role | null
  /** Whether the active organization asks its members for a second factor. */
  organization_requires_mfa: boolean
  is_platform_admin: boolean
}

/**
 * The facts of sessions in SQL. The session check and the statement that creates a session use the same joins, so both give the same
 * facts of a session.
 *
 * `columns` lacks `expires_at` and `checked_at`, which depend on the clock. `joins` follows a table of sessions with the alias `s`, and
 * drops sessions whose user may not have them.
 */
export function sessionFacts(db: Pick<Executor, 'table'>): { columns: Fragment; joins: Fragment } {
  return {
    columns: sql`s.id, s.user_id, o.id AS organization_id, s.auth_method, s.amr, s.auth_time, s.mfa_verified_at, s.epoch,
      s.impersonator_id, s.created_at, u.email, u.email_verified_at, u.display_name, m.role,
      coalesce(o.settings -> 'require_mfa' = 'true'::jsonb, false) AS organization_requires_mfa,
      p.user_id IS NOT NULL AS is_platform_admin`,
    joins: sql`JOIN ${db.table('users')} u
      ON u.id = s.user_id AND u.status = 'active' AND u.security_version = s.security_version
    LEFT JOIN ${db.table('organizations')} o ON o.id = s.organization_id AND o.deleted_at IS NULL
    LEFT JOIN ${db.table('organization_memberships')} m ON m.organization_id = o.id AND m.user_id = s.user_id
    LEFT JOIN ${db.table('platform_admins')} p ON p.user_id = s.user_id`,
  }
}
