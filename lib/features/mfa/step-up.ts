import type { Auth } from '../../core/auth.js'
import type { RequestContext } from '../../core/context.js'
import { IdentSphereError } from '../../core/errors.js'
import type { Reply } from '../../core/http/route.js'
import type { Journal } from '../../core/journal/journal.js'
import type { Tx } from '../../core/store/store.js'
import type { TokenIssuer } from '../sessions/issue.js'
import { renewTokens } from '../sessions/renew-tokens.js'
import type { Sessions } from '../sessions/service.js'
import type { SecondFactorMethod } from '../sign-in/service.js'

/** Seconds for which a step-up holds by default: `requireRecentMfa`. */
const stepUpSeconds = 1800

/** A second factor shown in a session that is there already. */
export function createStepUp(options: { journal: Journal; sessions: Sessions; issuer: TokenIssuer }) {
  const { journal, sessions } = options

  function write(
    tx: Tx,
    auth: Auth,
    method: SecondFactorMethod,
    status: 'success' | 'failure',
    context: RequestContext,
  ): Promise<void> {
    return journal.record(tx, 'auth.mfa.step_up', {
      actorId: auth.userId,
      organizationId: auth.organizationId,
      resource: { type: 'session', id: auth.sessionId },
      status,
      data: { method },
      context,
    })
  }

  return {
    /** @throws IdentSphereError `forbidden` for who acts as somebody else, `authentication_required` where the session has ended */
    async record(
      tx: Tx,
      auth: Auth,
      shown: { method: SecondFactorMethod; amr: readonly string[] },
      context: RequestContext,
    ): Promise<void> {
      if (auth.impersonatorId !== null) throw new IdentSphereError('forbidden')
      await sessions.showSecondFactor(tx, auth.sessionId, shown.amr)
      await write(tx, auth, shown.method, 'success', context)
    },

    /** After a wrong answer. */
    refuse: (tx: Tx, auth: Auth, method: SecondFactorMethod, context: RequestContext): Promise<void> =>
      write(tx, auth, method, 'failure', context),

    /** The answer after the commit: with new tokens, as those from before gain nothing by it. */
    async answer(auth: Auth): Promise<Reply> {
      const { session, fields, cookies } = await renewTokens(options, auth)
      const { expires_in: _, ...tokens } = fields
      const verifiedAt = session.mfa_verified_at?.toISOString()
      return {
        status: 200,
        body: { verified: true, verified_at: verifiedAt, expires_in: stepUpSeconds, ...tokens },
        cookies,
      }
    },
  }
}

export type StepUp = ReturnType<typeof createStepUp>
