import { defineFeature } from '../../core/feature.js'
import { actions } from './actions.js'
import { usersApi } from './api.js'
import { userPersonalData } from './personal-data.js'
import { userRoutes } from './routes.js'
import { createSecurityChanges } from './security-change.js'
import { createUsers, type Users } from './service.js'

/** Users, profiles, and security changes. */
export const users = defineFeature<Users>({
  name: 'users',
  tables: ['users'],
  actions,
  open({ store, journal, contributions, hostCalls: calls }) {
    const securityChanges = createSecurityChanges(contributions)
    const service = createUsers({ store, journal, securityChanges })
    return {
      service,
      routes: () => userRoutes(service),
      personalData: userPersonalData(securityChanges),
      api: { users: usersApi({ calls, journal, securityChanges, contributions }) },
    }
  },
})
