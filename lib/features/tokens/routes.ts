import { z } from 'zod'
import { type Route, route } from '../../core/http/route.js'
import type { Store } from '../../core/store/store.js'
import { revokedKeys } from './revoked-keys.js'
import type { SigningKeys } from './signing-keys.js'

const jwks = z.strictObject({ keys: z.array(z.record(z.string(), z.unknown())) })

export function tokenRoutes({ store, keys }: { store: Store; keys: SigningKeys }): Route[] {
  return [
    route({
      method: 'GET',
      path: '/.well-known/jwks.json',
      auth: 'none',
      cacheControl: 'public, max-age=300',
      cors: 'anyone',
      output: { 200: jwks },
      errors: ['service_unavailable'],
      async handle() {
        const revoked = await revokedKeys(store)
        const published = keys.publicJwks.keys.filter((key) => !revoked.has(String(key.kid)))
        return { status: 200, body: { keys: published } }
      },
    }),
  ]
}
