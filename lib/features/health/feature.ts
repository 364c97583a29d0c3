import { defineFeature } from '../../core/feature.js'
import { passwords } from '../passwords/feature.js'
import { healthRoutes } from './routes.js'
import { createHealth, type Health } from './service.js'

export interface HealthMembers {
  /** The state of this node. It runs a real query and never throws. */
  health(): Promise<Health>
}

/** Whether this node can serve. */
export const health = defineFeature<null, { passwords: typeof passwords }>({
  name: 'health',
  reads: ['users'],
  needs: { passwords },
  open({ store, mailQueue, canMail }, services) {
    const members: HealthMembers = {
      health: createHealth({
        store,
        waitingHashes: services.passwords.waitingHashes,
        mailDelay: canMail ? () => mailQueue.delaySeconds(store) : null,
      }),
    }
    return { service: null, routes: () => healthRoutes(members), members }
  },
})
