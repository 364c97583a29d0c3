import { type Route, route } from '../../core/http/route.js'
import { mfaChallenge, signInSuccess } from '../sign-in/schemas.js'
import type { SignIn } from '../sign-in/service.js'
import { forgotBody, resetBody } from './schemas.js'
import type { Recovery } from './service.js'

export function recoveryRoutes({ recovery, signIn }: { recovery: Recovery; signIn: Pick<SignIn, 'answer'> }): Route[] {
  return [
    route({
      method: 'POST',
      path: '/v1/auth/password/forgot',
      auth: 'none',
      input: { body: forgotBody },
      output: { 204: null },
      errors: ['invalid_input'],
      async handle({ body }) {
        await recovery.forgot(body.email)
        return { status: 204 }
      },
    }),
    route({
      method: 'POST',
      path: '/v1/auth/password/reset',
      auth: 'none',
      input: { body: resetBody },
      output: { 200: signInSuccess.or(mfaChallenge) },
      errors: ['invalid_input', 'invalid_credentials', 'conflict', 'service_unavailable'],
      async handle({ body, context, cookie }) {
        const result = await recovery.reset(body.token, body.new_password, context)
        return signIn.answer(result, body.token_delivery, cookie('device'))
      },
    }),
  ]
}
