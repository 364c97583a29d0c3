import type { RequestContext } from '../../core/context.js'
import type { Action } from '../../core/journal/actions.js'
import { factsOfUser } from '../../core/journal/facts.js'
import type { Journal } from '../../core/journal/journal.js'
import type { Store, Tx } from '../../core/store/store.js'
import { actions } from './actions.js'
import type { LoginChallenge, LoginChallenges } from './challenges.js'
import type { SecondFactorMethod } from './extension-points.js'
import type { SignIn, SignInResult } from './service.js'

/** How a challenge ends, for every factor that can answer it. */
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
    const { method, ...rest } = details
    return journal.record(tx, action, factsOfUser(userId, context, { organizationId, data: { method }, ...rest }))
  }

  return {
    /** The open challenge of an `mfa_token`. Counts nothing. @throws IdentSphereError `invalid_credentials`, `rate_limited` */
    find: challenges.find,

    /** Spends one of the challenge's tries. @throws IdentSphereError `rate_limited` if none is left */
    spendTry: challenges.spendTry,

    /**
     * Uses the challenge up and begins its session.
     *
     * @param shown methods of the second factor (RFC 8176); `recovered` if a recovery code was used in its place
     * @throws IdentSphereError `invalid_credentials` if another request was faster or the account has changed
     */
    async finish(
      tx: Tx,
      challenge: LoginChallenge,
      shown: { method: SecondFactorMethod; amr: readonly string[]; recovered?: true },
      context: RequestContext,
    ): Promise<SignInResult> {
      await challenges.consume(tx, challenge)
      await record(tx, actions['auth.mfa.challenge.succeeded'], challenge, { method: shown.method }, context)
      return signIn.completeFirstFactor(tx, {
        userId: challenge.userId,
        organizationId: challenge.organizationId,
        securityVersion: challenge.securityVersion,
        authMethod: withMfa(challenge.authMethod),
        amr: [...challenge.amr, ...shown.amr.filter((name) => !challenge.amr.includes(name))],
        ...(shown.recovered ? { recovered: true } : { mfaAgeSeconds: 0 }),
        context,
      })
    },

    /** After a wrong answer whose try was spent: records it and throws. */
    async refuse(
      challenge: LoginChallenge,
      spent: { isLast: boolean },
      method: SecondFactorMethod,
      context: RequestContext,
    ): Promise<never> {
      const action = spent.isLast ? actions['auth.mfa.challenge.locked'] : actions['auth.mfa.challenge.failed']
      await store.transaction((tx) => record(tx, action, challenge, { method, status: 'failure' }, context))
      throw challenges.missed(spent)
    },
  }
}

/** `password_with_mfa`; a reset is a password too. */
function withMfa(authMethod: string): string {
  return `${authMethod === 'password_reset' ? 'password' : authMethod}_with_mfa`
}

export type Completion = ReturnType<typeof createCompletion>
