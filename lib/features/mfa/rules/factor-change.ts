import type { Auth } from '../../../core/auth.js'
import type { Check } from '../../../core/checks.js'
import { IdentSphereError } from '../../../core/errors.js'
import { assertRecentAuth } from '../../sessions/rules/recent-auth.js'
import type { Sessions } from '../../sessions/service.js'
import { assertRecentMfa, type EnrolledMethods, recentMfaSeconds } from './recent-mfa.js'

/** What a route does to second factors. */
export interface FactorChange {
  /** Begins an enrollment (and names its reauthentication purpose), completes one, removes a factor, or renews recovery codes. */
  readonly kind: { readonly begins: string } | 'completion' | 'removal' | 'renewal'
  /** The route asks for the password itself, or completes what a new proof has begun. */
  readonly provesItself?: boolean
}

/** Seconds for which a session that began with a recovery code may replace factors and codes. */
const recoverySessionSeconds = 1800

/**
 * The one rule of every route that changes factors. It needs recent authentication, and a recent second factor if one is enrolled: a
 * stolen session or password alone changes nothing, and completes nothing that began before there was a factor. The first enrollment
 * needs a reauthentication made for it, which it uses up, so that no factor gets in with a proof that was given for something else.
 *
 * @see GHSA supabase/auth #1439, #2565: factors that were changed at the level of the first one
 */
export function createFactorChangeCheck(deps: {
  enrolledMethods: EnrolledMethods
  sessions: Pick<Sessions, 'spendAuthPurpose' | 'beganWithRecovery'>
  /** False if nothing can send mail: then no address is ever verified. */
  needsVerifiedAddress: boolean
}): (change: FactorChange) => Check {
  const { enrolledMethods, sessions, needsVerifiedAddress } = deps

  /** A session that began with a recovery code may replace what was lost. Removal still takes a factor. */
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
        throw new IdentSphereError('forbidden', { message: 'Confirm your e-mail address first.' })
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
