import { z } from 'zod'
import { type Route, route } from '../../core/http/route.js'
import type { Health } from './service.js'

const state = z.enum(['ok', 'unavailable'])
const health = z.strictObject({
  status: state,
  database: state,
  mail_queue: z.enum(['ok', 'behind', 'off', 'unavailable']),
  hashing_queue: z.int(),
})

export function healthRoutes({ health: read }: { health: () => Promise<Health> }): Route[] {
  return [
    route({
      method: 'GET',
      path: '/v1/health',
      auth: 'none',
      needsDatabase: false,
      output: { 200: health, 503: health },
      errors: [],
      async handle() {
        const body = await read()
        return { status: body.status === 'ok' ? 200 : 503, body }
      },
    }),
  ]
}
