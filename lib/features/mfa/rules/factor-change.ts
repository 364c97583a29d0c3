import type { Auth } from '../../../core/auth.js'
import { IdentSphereError } from '../../../core/errors.js'
import type { FactorChange } from '../../../core/http/route.js'
import type { Sessions } from '../../sessions/service.js'
import { assertRecentAuth, assertRecentMfa, type EnrolledMethods, recentMfaSeconds } from './recency.js'

/** What a fresh proof has begun, or asks for the password itself. */
const provesItself: readonly FactorChange[] = ['completion', 'mfa_disable', 'recovery_codes']

/** Seconds for which a session that began with a recovery code may replace factors and codes. */
const recoverySeconds = 1800

/**
 * The one rule of every route that changes factors. It takes recent authentication, and a recent second factor where one is
 * enrolled: a stolen session or password alone changes nothing, nor completes what began before there was one. The first
 * enrolment takes a reauthentication made for it, which it uses up, so that nobody slips a factor in behind a proof that was
 * given for something else.
 *
 * @see GHSA supabase/auth #1439, #2565: factors that were changed at the level of the first one
 */
export function createFactorChangeRule(parts: {
  enrolledMethods: EnrolledMethods
  sessions: Pick<Sessions, 'spendAuthPurpose' | 'beganWithRecovery'>
  /** False where nothing can mail: then no address is ever verified. */
  needsVerifiedAddress: boolean
}) {
  const { enrolledMethods, sessions, needsVerifiedAddress } = parts

  /** Who came in with a recovery code may replace what was lost. Taking it away still takes a factor. */
  async function mayReplace(auth: Auth, change: FactorChange): Promise<boolean> {
    if (change === 'removal' || change === 'mfa_disable' || !auth.amr.includes('recovery')) return false
    return sessions.beganWithRecovery(auth.sessionId, recoverySeconds)
  }

  /**
   * @throws IdentSphereError `forbidden` for impersonated sessions and unverified addresses, `reauthentication_required`,
   * `mfa_required`
   */
  return async function assertMayChangeFactors(auth: Auth, change: FactorChange): Promise<void> {
    if (auth.impersonatorId !== null) throw new IdentSphereError('forbidden')
    if (needsVerifiedAddress && !auth.emailVerified) {
      throw new IdentSphereError('forbidden', { message: 'Confirm your e-mail address first.' })
    }
    if (!provesItself.includes(change)) assertRecentAuth(auth)
    const enrolled = await enrolledMethods(auth.userId)
    if (enrolled.length > 0) {
      if (await mayReplace(auth, change)) return
      await assertRecentMfa(auth, recentMfaSeconds, async () => enrolled)
      return
    }
    if (change !== 'mfa_setup' && change !== 'passkey_registration') return
    if (await sessions.spendAuthPurpose(auth.sessionId, change)) return
    throw new IdentSphereError('reauthentication_required', { details: { purpose: change } })
  }
}
