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

/** Checks and step-up for features with second factors. */
export interface Mfa {
  readonly stepUp: StepUp
  /** Check for routes that export, change or delete the account itself. */
  readonly sensitive: Check
  /** Check for routes that change second factors. */
  factorChange(change: FactorChange): Check
  /** @throws IdentSphereError `mfa_required` */
  assertRecentMfa(auth: Auth, maxAgeSeconds: number): Promise<void>
}

/** Rules for all kinds of second factors: step-up, changes of factors, and required factors. */
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
