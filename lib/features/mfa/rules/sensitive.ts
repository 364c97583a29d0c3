import type { Check } from '../../../core/checks.js'
import { IdentSphereError } from '../../../core/errors.js'
import { isRecent } from '../../sessions/rules/recent-auth.js'
import { type EnrolledMethods, mfaRequired, recentMfaSeconds } from './recent-mfa.js'

/**
 * For routes that export, change or delete the account itself. Users with a second factor must have used it recently.
 * Impersonated sessions are denied.
 */
export function sensitive(methods: EnrolledMethods): Check {
  return {
    name: 'sensitive',
    errors: ['forbidden', 'mfa_required'],
    async assert(auth) {
      if (auth.impersonatorId !== null) throw new IdentSphereError('forbidden')
      if (isRecent(auth.mfaVerifiedAt, auth, recentMfaSeconds)) return
      const enrolled = await methods(auth.userId)
      if (enrolled.length > 0) throw mfaRequired(enrolled)
    },
  }
}
