import type { Auth } from '../../core/auth.js'
import type { RequestContext } from '../../core/context.js'
import { IdentSphereError } from '../../core/errors.js'
import type { Tx } from '../../core/store/store.js'
import type { Sessions } from '../sessions/service.js'
import type { SignIn } from '../sign-in/service.js'
import type { Accounts } from '../users/service.js'

/**
 * What a change of factors does to the user's sessions. Open challenges, links and codes die with the security version, and
 * enrolments on their way with the change.
 */
export interface FactorChanges {
  /**
   * @param others `keep` where a factor came: the other sessions go on, without a second factor. `end` where one went or was
   * replaced
   * @param shown what this session has just shown (RFC 8176), or null: then it has no second factor any more either
   * @throws IdentSphereError `authentication_required` where this session has ended
   */
  settle(
    tx: Tx,
    auth: Auth,
    change: { others: 'keep' | 'end'; shown: readonly string[] | null },
    context: RequestContext,
  ): Promise<void>
}

export function createFactorChanges(options: {
  accounts: Accounts
  sessions: Sessions
  signIn: Pick<SignIn, 'removePending'>
}): FactorChanges {
  const { accounts, sessions, signIn } = options
  return {
    async settle(tx, auth, { others, shown }, context) {
      const version = await accounts.moveSecurityVersion(tx, auth.userId)
      if (version === undefined) throw new IdentSphereError('authentication_required')
      await sessions.followCredentialChange(tx, auth, version - 1, others, context)
      await sessions.forgetSecondFactors(tx, auth.userId)
      // What began before this change would else add a factor, or replace one, without showing what there is now.
      await signIn.removePending(tx, auth.userId)
      if (shown !== null) await sessions.showSecondFactor(tx, auth.sessionId, shown)
    },
  }
}
