import { z } from 'zod'
import { type Route, route } from '../../core/http/route.js'

/**
 * Lists the other origins that may use passkeys of this RP id. The route exists only with configured origins, because the host
 * may have its own document.
 *
 * @see WebAuthn level 3 section 5.11
 */
export function relatedOriginRoutes(origins: readonly string[]): Route[] {
  if (origins.length === 0) return []
  return [
    route({
      method: 'GET',
      path: '/.well-known/webauthn',
      auth: 'none',
      cacheControl: 'public, max-age=300',
      cors: 'anyone',
      needsDatabase: false,
      output: { 200: z.strictObject({ origins: z.array(z.string()) }) },
      errors: [],
      handle: () => ({ status: 200, body: { origins } }),
    }),
  ]
}
