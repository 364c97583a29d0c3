import type { RequestContext } from '../../core/context.js'
import type { Action } from '../../core/journal/actions.js'
import { factsOfUser } from '../../core/journal/facts.js'
import type { Journal } from '../../core/journal/journal.js'
import type { Store, Tx } from '../../core/store/store.js'
import { actions } from './actions.js'
import type { LoginChallenge, LoginChallenges } from './challenges.js'
import type { SecondFactorMethod } from './extension-points.js'
import type { SignIn, SignInResult } from './service.js'

/** Completes challenges, for all kinds of second factors. */
export function createCompletion(deps: {
  store: Store
  journal: Journal
  challenges: LoginChallenges
  signIn: Pick<SignIn, 'completeFirstFactor'>
}) {
  const { store, journal, challenges, signIn } = deps

  function record(
    tx: Tx,
    action: Action,
    { userId, organizationId }: LoginChallenge,
    details: { method: SecondFactorMethod; status?: 'failure' },
    context: RequestContext,
  ): Promise<void> {
    const { method, ...status } = details
    return journal.record(tx, action, factsOfUser(userId, context, { organizationId, data: { method }, ...status }))
  }

  return {
    /** The open challenge of an `mfa_token`. Spends no try. @throws IdentSphereError `invalid_credentials`, `rate_limited` */
    find: challenges.find,

    /** Spends a try of the challenge. @throws IdentSphereError `rate_limited` if no try is left */
    spendTry: challenges.spendTry,

    /**
     * Consumes the challenge and creates the session.
     *
     * @param factor the used second factor. `recovered`: a recovery code was used instead
     * @throws IdentSphereError `invalid_credentials` if another request has consumed the challenge, or if the account has changed
     */
    async finish(
      tx: Tx,
      challenge: LoginChallenge,
      factor: { method: SecondFactorMethod; amr: readonly string[]; recovered?: true },
      context: RequestContext,
    ): Promise<SignInResult> {
      await challenges.consume(tx, challenge)
      await record(tx, actions['auth.mfa.challenge.succeeded'], challenge, { method: factor.method }, context)
      return signIn.completeFirstFactor(tx, {
        userId: challenge.userId,
        organizationId: challenge.organizationId,
        securityVersion: challenge.securityVersion,
        authMethod: withMfa(challenge.authMethod),
        amr: [...challenge.amr, ...factor.amr.filter((name) => !challenge.amr.includes(name))],
        ...(factor.recovered ? { recovered: true } : { mfaAgeSeconds: 0 }),
        context,
      })
    },

    /** Records a wrong answer and throws its error. The caller has spent the try. */
    async refuse(
      challenge: LoginChallenge,
      spent: { isLast: boolean },
      method: SecondFactorMethod,
      context: RequestContext,
    ): Promise<never> {
      const action = spent.isLast ? actions['auth.mfa.challenge.locked'] : actions['auth.mfa.challenge.failed']
      await store.transaction((tx) => record(tx, action, challenge, { method, status: 'failure' }, context))
      throw challenges.wrongAnswer(spent)
    },
  }
}

/** A password reset counts as a password: `password_with_mfa`. */
function withMfa(authMethod: string): string {
  return `${authMethod === 'password_reset' ? 'password' : authMethod}_with_mfa`
}

export type Completion = ReturnType<typeof createCompletion>
