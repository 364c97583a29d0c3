import { defineFeature } from '../../core/feature.js'
import { mfa } from '../mfa/feature.js'
import { sessions } from '../sessions/feature.js'
import { challengeExemptions } from '../sign-in/extension-points.js'
import { securityChanged } from '../users/security-change.js'
import { actions } from './actions.js'
import { trustedBrowserPersonalData } from './personal-data.js'
import { trustedBrowserRoutes } from './routes.js'
import { createTrustedBrowsers } from './service.js'
import { trustedBrowserSweeps } from './sweeps.js'
import { createTrustTokens } from './token.js'

/** Browsers in which a sign-in needs no second factor. */
export const trustedBrowsers = defineFeature<null, { sessions: typeof sessions; mfa: typeof mfa }>({
  name: 'trustedBrowsers',
  tables: ['trusted_browsers'],
  reads: ['users', 'user_sessions'],
  needs: { sessions, mfa },
  cookies: { trust: { httpOnly: true, path: 'auth' } },
  keyPurposes: ['trust'],
  actions,
  open({ store, journal, keys }, services) {
    const service = createTrustedBrowsers({ store, journal, tokens: createTrustTokens(keys), ...services })
    return {
      service: null,
      routes: () => trustedBrowserRoutes({ trustedBrowsers: service }),
      jobs: trustedBrowserSweeps(store),
      personalData: trustedBrowserPersonalData,
      contributes: [challengeExemptions.of(service.recognize), securityChanged.of(service.onSecurityChange)],
    }
  },
})
