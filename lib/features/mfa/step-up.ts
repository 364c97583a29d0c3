import type { Auth } from '../../core/auth.js'
import type { RequestContext } from '../../core/context.js'
import { IdentSphereError } from '../../core/errors.js'
import type { Reply } from '../../core/http/route.js'
import { factsOf } from '../../core/journal/facts.js'
import type { Journal } from '../../core/journal/journal.js'
import type { Tx } from '../../core/store/store.js'
import type { Sessions } from '../sessions/service.js'
import type { SecondFactorMethod } from '../sign-in/extension-points.js'
import { actions } from './actions.js'
import { recentMfaSeconds } from './rules/recent-mfa.js'

/** Records the use of a second factor in a live session. */
export function createStepUp({ journal, sessions }: { journal: Journal; sessions: Sessions }) {
  function recordAttempt(
    tx: Tx,
    auth: Auth,
    method: SecondFactorMethod,
    status: 'success' | 'failure',
    context: RequestContext,
  ): Promise<void> {
    const resource = { type: 'session', id: auth.sessionId }
    return journal.record(
      tx,
      actions['auth.mfa.step_up'],
      factsOf(auth, context, { resource, status, data: { method } }),
    )
  }

  return {
    /**
     * Records a success.
     *
     * @throws IdentSphereError `forbidden` for an impersonated session, `authentication_required` if the session has ended
     */
    async record(
      tx: Tx,
      auth: Auth,
      factor: { method: SecondFactorMethod; amr: readonly string[] },
      context: RequestContext,
    ): Promise<void> {
      if (auth.impersonatorId !== null) throw new IdentSphereError('forbidden')
      await sessions.recordSecondFactor(tx, auth.sessionId, factor.amr)
      await recordAttempt(tx, auth, factor.method, 'success', context)
    },

    /** Records a wrong code or response. */
    refuse: (tx: Tx, auth: Auth, method: SecondFactorMethod, context: RequestContext): Promise<void> =>
      recordAttempt(tx, auth, method, 'failure', context),

    /** The answer, after the commit. It contains new tokens, because tokens from before the step-up do not include it. */
    async answer(auth: Auth): Promise<Reply> {
      const { session, fields, cookies } = await sessions.renewTokens(auth)
      const { expires_in: _, ...tokens } = fields
      const verifiedAt = session.mfa_verified_at?.toISOString()
      return {
        status: 200,
        body: { verified: true, verified_at: verifiedAt, expires_in: recentMfaSeconds, ...tokens },
        cookies,
      }
    },
  }
}

export type StepUp = ReturnType<typeof createStepUp>
