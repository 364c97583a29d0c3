import { defineFeature } from '../../core/feature.js'
import { mfa } from '../mfa/feature.js'
import { platformGuards } from './guards.js'

/** Platform admins: staff of the operator. */
export const platform = defineFeature<null, { mfa: typeof mfa }>({
  name: 'platform',
  tables: ['platform_admins'],
  needs: { mfa },
  open(_foundation, services) {
    const assertMfa = (auth: Parameters<typeof services.mfa.assertRecentMfa>[0]) =>
      services.mfa.assertRecentMfa(auth, Number.POSITIVE_INFINITY)
    return { service: null, guards: platformGuards(assertMfa) }
  },
})
