import type { RequestContext } from '../../core/context.js'
import type { Journal } from '../../core/journal/journal.js'
import type { Store, Tx } from '../../core/store/store.js'
import type { MfaChallenge, MfaChallenges } from './challenges.js'
import type { Entered, SecondFactorMethod, SignIn } from './service.js'

/** How a challenge ends, whichever factor answered it. */
export function createCompletion(options: {
  store: Store
  journal: Journal
  challenges: MfaChallenges
  signIn: SignIn
}) {
  const { store, journal, challenges, signIn } = options
  const facts = (challenge: MfaChallenge, context: RequestContext) => ({
    actorId: challenge.userId,
    organizationId: challenge.organizationId,
    resource: { type: 'user', id: challenge.userId },
    context,
  })

  return {
    /**
     * Uses the challenge up and begins the session that it stood in front of.
     *
     * @param shown methods of the second factor (RFC 8176); `recovered` where a recovery code stood in for it
     * @throws IdentSphereError `invalid_credentials` where somebody was faster or the account has changed
     */
    async finish(
      tx: Tx,
      challenge: MfaChallenge,
      shown: { method: SecondFactorMethod; amr: readonly string[]; recovered?: true },
      context: RequestContext,
    ): Promise<Entered> {
      await challenges.consume(tx, challenge)
      await journal.record(tx, 'auth.mfa.challenge.succeeded', {
        ...facts(challenge, context),
        data: { method: shown.method },
      })
      return signIn.enter(tx, {
        userId: challenge.userId,
        organizationId: challenge.organizationId,
        securityVersion: challenge.securityVersion,
        authMethod: withMfa(challenge.authMethod),
        amr: [...challenge.amr, ...shown.amr.filter((name) => !challenge.amr.includes(name))],
        ...(shown.recovered ? { recovered: true } : { mfaAgeSeconds: 0 }),
        context,
      })
    },

    /** After a wrong answer, whose try was spent: records it and throws. */
    async refuse(
      challenge: MfaChallenge,
      spent: { isLast: boolean },
      method: SecondFactorMethod,
      context: RequestContext,
    ): Promise<never> {
      const action = spent.isLast ? 'auth.mfa.challenge.locked' : 'auth.mfa.challenge.failed'
      await store.transaction((tx) =>
        journal.record(tx, action, { ...facts(challenge, context), status: 'failure', data: { method } }),
      )
      throw challenges.missed(spent)
    },
  }
}

/** `password_with_mfa`; a reset is a password too. */
function withMfa(authMethod: string): string {
  return `${authMethod === 'password_reset' ? 'password' : authMethod}_with_mfa`
}

export type Completion = ReturnType<typeof createCompletion>
