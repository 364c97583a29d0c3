import type { Contributions } from '../../core/extension-point.js'
import { type Route, route } from '../../core/http/route.js'
import type { Sessions } from '../sessions/service.js'
import { reauthenticationMethods, reauthenticationPurposes } from './extension-points.js'
import type { Reauthenticator } from './reauthentication.js'
import { reauthenticateBody, reauthenticated } from './schemas.js'

export function signInRoutes(deps: {
  sessions: Sessions
  reauthentication: Reauthenticator
  contributions: Contributions
}): Route[] {
  const { sessions, reauthentication, contributions } = deps
  return [
    route({
      method: 'POST',
      path: '/v1/auth/reauthenticate',
      auth: 'session',
      skipsRequirements: true,
      input: {
        body: reauthenticateBody(contributions(reauthenticationMethods), contributions(reauthenticationPurposes)),
      },
      output: { 200: reauthenticated },
      errors: ['invalid_input', 'invalid_credentials', 'rate_limited', 'service_unavailable'],
      async handle({ auth, body, context }) {
        const { purpose = null, ...proof } = body
        await reauthentication.reauthenticate(auth, proof, purpose, context)
        const { session, fields, cookies } = await sessions.renewTokens(auth)
        return { status: 200, body: { auth_time: session.auth_time.toISOString(), ...fields }, cookies }
      },
    }),
  ]
}
