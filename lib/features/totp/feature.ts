import { defineFeature } from '../../core/feature.js'
import { mfa } from '../mfa/feature.js'
import { passwords } from '../passwords/feature.js'
import { sessions } from '../sessions/feature.js'
import { reauthenticationPurposes, secondFactors } from '../sign-in/extension-points.js'
import { signIn } from '../sign-in/feature.js'
import { users } from '../users/feature.js'
import { securityChanged } from '../users/security-change.js'
import { actions } from './actions.js'
import { createTotpBudget } from './budget.js'
import { options } from './options.js'
import { totpPersonalData } from './personal-data.js'
import { createRecoveryCodes } from './recovery-codes.js'
import { totpPurpose, totpRoutes } from './routes.js'
import { onSecurityChange, totpFactor } from './second-factor.js'
import { createTotp } from './service.js'

/** Codes of authenticator apps, and recovery codes. */
export const totp = defineFeature<
  null,
  {
    users: typeof users
    sessions: typeof sessions
    signIn: typeof signIn
    mfa: typeof mfa
    passwords: typeof passwords
  },
  { issuer: string }
>({
  name: 'totp',
  tables: ['mfa_factors', 'user_recovery_codes'],
  sealedTables: ['mfa_factors', 'user_recovery_codes'],
  needs: { users, sessions, signIn, mfa, passwords },
  keyPurposes: ['mfa'],
  actions,
  options,
  open({ store, clock, keys, journal }, services, { issuer }) {
    const service = createTotp({
      store,
      clock,
      keys,
      journal,
      ...services,
      budget: createTotpBudget({ store, journal }),
      recoveryCodes: createRecoveryCodes(keys),
      issuer,
    })
    return {
      service: null,
      routes: () => totpRoutes({ totp: service, ...services }),
      personalData: totpPersonalData,
      contributes: [
        secondFactors.of(totpFactor),
        reauthenticationPurposes.of(totpPurpose),
        securityChanged.of(onSecurityChange),
      ],
    }
  },
})
