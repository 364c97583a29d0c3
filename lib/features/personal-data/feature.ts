import { defineFeature } from '../../core/feature.js'
import { mfa } from '../mfa/feature.js'
import { actions } from './actions.js'
import { personalDataRoutes } from './routes.js'
import { createPersonalData } from './service.js'

/** Export and erasure of all data about a user. */
export const personalData = defineFeature<null, { mfa: typeof mfa }>({
  name: 'personalData',
  needs: { mfa },
  actions,
  open({ store, journal, contributions }, services) {
    const service = createPersonalData({ store, journal, contributions })
    return { service: null, routes: () => personalDataRoutes({ personalData: service, mfa: services.mfa }) }
  },
})
