import type { Check } from '../../core/checks.js'
import { type Route, route } from '../../core/http/route.js'
import { mfaChallenge, signInSuccess } from '../sign-in/schemas.js'
import type { SignIn } from '../sign-in/service.js'
import { changeBody, loginBody } from './schemas.js'
import type { Passwords } from './service.js'

export function passwordRoutes(deps: {
  passwords: Passwords
  signIn: Pick<SignIn, 'answer'>
  sensitive: Check
}): Route[] {
  const { passwords, signIn, sensitive } = deps
  return [
    route({
      method: 'POST',
      path: '/v1/auth/login',
      auth: 'none',
      input: { body: loginBody },
      output: { 200: signInSuccess.or(mfaChallenge) },
      errors: ['invalid_input', 'invalid_credentials', 'rate_limited', 'service_unavailable'],
      async handle({ body, context, cookie }) {
        const device = body.device_token ?? cookie('device')
        const result = await passwords.signIn({ ...body, device, trustToken: cookie('trust') }, context)
        return signIn.answer(result, body.token_delivery, device)
      },
    }),
    route({
      method: 'POST',
      path: '/v1/users/me/password',
      auth: 'session',
      checks: [sensitive],
      input: { body: changeBody },
      output: { 204: null },
      errors: ['invalid_input', 'invalid_credentials', 'conflict', 'rate_limited', 'service_unavailable'],
      async handle({ auth, body, context }) {
        await passwords.change(
          auth,
          {
            currentPassword: body.current_password,
            newPassword: body.new_password,
            signOutOthers: body.sign_out_other_sessions,
          },
          context,
        )
        return { status: 204 }
      },
    }),
  ]
}
