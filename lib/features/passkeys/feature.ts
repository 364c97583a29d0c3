import { defineFeature } from '../../core/feature.js'
import { mfa } from '../mfa/feature.js'
import { sessions } from '../sessions/feature.js'
import { reauthenticationMethods, reauthenticationPurposes, secondFactors } from '../sign-in/extension-points.js'
import { signIn } from '../sign-in/feature.js'
import { users } from '../users/feature.js'
import { securityChanged } from '../users/security-change.js'
import { actions } from './actions.js'
import { createCeremonies } from './ceremonies.js'
import { options, type PasskeySettings } from './options.js'
import { passkeyPersonalData } from './personal-data.js'
import { relatedOriginRoutes } from './related-origins.js'
import { passkeyPurpose, passkeyRoutes } from './routes.js'
import { onSecurityChange, passkeyFactor } from './second-factor.js'
import { createPasskeys } from './service.js'
import { passkeySweeps } from './sweeps.js'
import { assertionResponse } from './webauthn-response.js'

/** Passkeys: for sign-in, as a second factor, and for reauthentication. */
export const passkeys = defineFeature<
  null,
  { users: typeof users; sessions: typeof sessions; signIn: typeof signIn; mfa: typeof mfa },
  PasskeySettings
>({
  name: 'passkeys',
  tables: ['user_passkeys', 'webauthn_challenges'],
  reads: ['users'],
  needs: { users, sessions, signIn, mfa },
  keyPurposes: ['passkeys'],
  actions,
  options,
  open({ store, keys, journal, logger, settings: { isOwnOrigin } }, services, settings) {
    const ceremonies = createCeremonies({ ...settings, isOwnOrigin }, logger)
    const service = createPasskeys({ store, keys, journal, ...services, ceremonies })
    return {
      service: null,
      routes: () => [
        ...passkeyRoutes({ passkeys: service, ...services }),
        ...relatedOriginRoutes(settings.relatedOrigins),
      ],
      jobs: passkeySweeps(store),
      personalData: passkeyPersonalData,
      contributes: [
        secondFactors.of(passkeyFactor),
        reauthenticationMethods.of({ field: 'passkey', schema: assertionResponse, prove: service.reauthenticate }),
        reauthenticationPurposes.of(passkeyPurpose),
        securityChanged.of(onSecurityChange),
      ],
    }
  },
})
