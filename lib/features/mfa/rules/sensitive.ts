import type { Check } from '../../../core/checks.js'
import { IdentSphereError } from '../../../core/errors.js'
import { isRecent } from '../../sessions/rules/recent-auth.js'
import { type EnrolledMethods, mfaRequired, recentMfaSeconds } from './recent-mfa.js'

/**
 * For acts that move, read out or end an account. A password alone is not enough if there is a second factor, and an impersonated
 * session may never do it.
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
