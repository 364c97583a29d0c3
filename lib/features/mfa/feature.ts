import type { Auth } from '../../core/auth.js'
import type { Check } from '../../core/checks.js'
import { defineFeature } from '../../core/feature.js'
import { factsOfHost } from '../../core/journal/facts.js'
import { sessionRequirements } from '../sessions/authenticate.js'
import { sessions } from '../sessions/feature.js'
import { signIn } from '../sign-in/feature.js'
import { securityChanged } from '../users/security-change.js'
import { actions } from './actions.js'
import { mfaGuards } from './guards.js'
import { options } from './options.js'
import { createFactorChangeCheck, type FactorChange } from './rules/factor-change.js'
import { assertRecentMfa } from './rules/recent-mfa.js'
import { requiredMfa } from './rules/required-mfa.js'
import { sensitive } from './rules/sensitive.js'
import { createStepUp, type StepUp } from './step-up.js'

/** What other features use of second factors in general. */
export interface Mfa {
  readonly stepUp: StepUp
  /** The check of routes that move, read out or end an account. */
  readonly sensitive: Check
  /** The check of routes that change factors. */
  factorChange(change: FactorChange): Check
  /** @throws IdentSphereError `mfa_required` */
  assertRecentMfa(auth: Auth, maxAgeSeconds: number): Promise<void>
}

/** The framework of second factors: step-up, the rule for changes of factors, and where a second factor is required. */
export const mfa = defineFeature<
  Mfa,
  { sessions: typeof sessions; signIn: typeof signIn },
  { requiredFor: readonly string[] }
>({
  name: 'mfa',
  needs: { sessions, signIn },
  actions,
  options,
  open({ journal, canMail }, services, { requiredFor }) {
    const { enrolledMethods } = services.signIn
    return {
      service: {
        stepUp: createStepUp({ journal, sessions: services.sessions }),
        sensitive: sensitive(enrolledMethods),
        factorChange: createFactorChangeCheck({
          enrolledMethods,
          sessions: services.sessions,
          needsVerifiedAddress: canMail,
        }),
        assertRecentMfa: (auth, maxAgeSeconds) => assertRecentMfa(auth, maxAgeSeconds, enrolledMethods),
      },
      guards: mfaGuards(enrolledMethods),
      contributes: [
        sessionRequirements.of(requiredMfa(requiredFor, enrolledMethods)),
        securityChanged.of(async (tx, { cause, userId }) => {
          if (cause === 'factorsRemovedByHost') {
            await journal.record(tx, actions['auth.mfa.disabled'], factsOfHost(userId))
          }
        }),
      ],
    }
  },
})
