import type { z } from 'zod'
import type { sessionDescription } from './schemas.js'
import type { SessionFacts } from './session-facts.js'

/** A session in the answers of sign-ins and of `GET /v1/auth/session`. */
export type SessionDescription = z.output<typeof sessionDescription>

export function describeSession(session: SessionFacts, permissions: readonly string[]): SessionDescription {
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
    capabilities: { role: session.role, permissions: [...permissions] },
  }
}
