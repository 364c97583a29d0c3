import type { SessionRequirement } from '../../sessions/authenticate.js'
import { type EnrolledMethods, mfaRequired } from './recent-mfa.js'

/**
 * Roles and organizations can require a second factor. Impersonated sessions are exempt, because the platform admin has used a
 * second factor.
 */
export function requiredMfa(requiredFor: readonly string[], methods: EnrolledMethods): SessionRequirement {
  return {
    isMissing(session) {
      if (session.role === null || session.impersonator_id !== null) return false
      if (!session.organization_requires_mfa && !requiredFor.includes(session.role)) return false
      const { mfa_verified_at: verifiedAt, checked_at: now } = session
      // The driver returns `infinity` of Postgres as a number.
      return !(verifiedAt instanceof Date && verifiedAt.getTime() <= now.getTime())
    },
    async deny(auth) {
      throw mfaRequired(await methods(auth.userId))
    },
  }
}
