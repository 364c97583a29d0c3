import type { SessionRequirement } from '../../sessions/authenticate.js'
import { type EnrolledMethods, mfaRequired } from './recent-mfa.js'

/** A role or an organization can require a second factor. An impersonated session has the second factor of the platform admin. */
export function requiredMfa(requiredFor: readonly string[], methods: EnrolledMethods): SessionRequirement {
  return {
    isMissing(session) {
      if (session.role === null || session.impersonator_id !== null) return false
      if (!session.organization_requires_mfa && !requiredFor.includes(session.role)) return false
      const { mfa_verified_at: shown, checked_at: now } = session
      // The driver reads Postgres' infinity as a number.
      return !(shown instanceof Date && shown.getTime() <= now.getTime())
    },
    async deny(auth) {
      throw mfaRequired(await methods(auth.userId))
    },
  }
}
