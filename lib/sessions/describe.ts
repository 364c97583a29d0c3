import type { LiveSession } from './check.js'

/** A session as its owner sees it: in sign-in answers and `GET /v1/auth/session`. */
export interface SessionDescription {
  user: {
    user_id: string
    email: string
    email_verified: boolean
    display_name: string | null
    organization_id: string | null
    is_platform_admin: boolean
    auth_method: string
    session_family_id: string
    mfa_verified_at: string | null
    scopes: string[]
    extensions: Record<string, never>
  }
  session: {
    id: string
    created_at: string
    expires_at: string
    auth_time: string
    amr: string[]
  }
  capabilities: { role: string | null; permissions: readonly string[] }
}

export function describeSession(session: LiveSession, permissions: readonly string[]): SessionDescription {
  return {
    user: {
      user_id: session.user_id,
      email: session.email,
      email_verified: session.email_verified_at !== null,
      display_name: session.display_name,
      organization_id: session.role === null ? null : session.organization_id,
      is_platform_admin: session.is_platform_admin,
      auth_method: session.auth_method,
      session_family_id: session.id,
      mfa_verified_at: session.mfa_verified_at?.toISOString() ?? null,
      scopes: [],
      extensions: {},
    },
    session: {
      id: session.id,
      created_at: session.created_at.toISOString(),
      expires_at: session.expires_at.toISOString(),
      auth_time: session.auth_time.toISOString(),
      amr: session.amr,
    },
    capabilities: { role: session.role, permissions },
  }
}
