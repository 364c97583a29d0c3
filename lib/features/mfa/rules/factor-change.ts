import type { Auth } from '../../../core/auth.js'
import type { Check } from '../../../core/checks.js'
import { IdentSphereError } from '../../../core/errors.js'
import { assertRecentAuth } from '../../sessions/rules/recent-auth.js'
import type { Sessions } from '../../sessions/service.js'
import { assertRecentMfa, type EnrolledMethods, recentMfaSeconds } from './recent-mfa.js'

/** How a route changes second factors. */
export interface FactorChange {
  /**
   * Begins an enrollment for a reauthentication purpose, completes an enrollment, removes a factor, or renews recovery codes.
   */
  readonly kind: { readonly begins: string } | 'completion' | 'removal' | 'renewal'
  /** True if the route verifies the password itself, or completes a change that began with a reauthentication. */
  readonly provesItself?: boolean
}

/** A session that began with a recovery code may replace factors for so long. */
const recoverySessionSeconds = 1800

/**
 * The rule for all routes that change second factors. It requires recent authentication, and a recent second factor if one is
 * enrolled. So a stolen session or a stolen password alone is not enough. The first enrollment consumes a reauthentication with
 * the purpose of this enrollment. So a reauthentication for another purpose cannot add a factor.
 *
 * @see GHSA supabase/auth #1439, #2565: factors that were changed at the level of the first one
 */
export function createFactorChangeCheck(deps: {
  enrolledMethods: EnrolledMethods
  sessions: Pick<Sessions, 'spendAuthPurpose' | 'beganWithRecovery'>
  /** False if mail cannot be sent, because then users cannot verify their address. */
  needsVerifiedAddress: boolean
}): (change: FactorChange) => Check {
  const { enrolledMethods, sessions, needsVerifiedAddress } = deps

  /** A session that began with a recovery code may replace lost factors. Removing a factor still requires a second factor. */
  async function mayReplace(auth: Auth, { kind }: FactorChange): Promise<boolean> {
    if (kind === 'removal' || !auth.amr.includes('recovery')) return false
    return sessions.beganWithRecovery(auth.sessionId, recoverySessionSeconds)
  }

  return (change) => ({
    name: 'factorChange',
    errors: ['forbidden', 'reauthentication_required', 'mfa_required'],
    afterInput: true,
    async assert(auth) {
      if (auth.impersonatorId !== null) throw new IdentSphereError('forbidden')
      if (needsVerifiedAddress && !auth.emailVerified) {
        throw new IdentSphereError('forbidden', { message: 'Verify your e-mail address first.' })
      }
      if (change.provesItself !== true) assertRecentAuth(auth)
      const enrolled = await enrolledMethods(auth.userId)
      if (enrolled.length > 0) {
        if (await mayReplace(auth, change)) return
        await assertRecentMfa(auth, recentMfaSeconds, async () => enrolled)
        return
      }
      if (typeof change.kind !== 'object') return
      const purpose = change.kind.begins
      if (await sessions.spendAuthPurpose(auth.sessionId, purpose)) return
      throw new IdentSphereError('reauthentication_required', { details: { purpose } })
    },
  })
}
