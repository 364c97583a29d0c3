import { type Route, route } from '../../core/http/route.js'
import type { Recovery } from '../recovery/service.js'
import { answerSignIn } from '../sign-in/answer.js'
import { mfaChallenge, signInSuccess } from '../sign-in/schemas.js'
import type { SignIn } from '../sign-in/service.js'
import { changeBody, forgotBody, resetBody } from './schemas.js'
import type { Passwords } from './service.js'

/** Routes that cannot work where nothing sends mail. */
export function recoveryRoutes(rooms: { recovery: Recovery; passwords: Passwords; signIn: SignIn }): Route[] {
  const { recovery } = rooms
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
        const entered = await recovery.reset(body.token, body.new_password, context)
        return answerSignIn(rooms, entered, body.token_delivery, cookie('device'))
      },
    }),
  ]
}

export function passwordRoutes({ passwords }: { passwords: Passwords }): Route[] {
  return [
    route({
      method: 'POST',
      path: '/v1/users/me/password',
      auth: 'session',
      ownAccount: true,
      input: { body: changeBody },
      output: { 204: null },
      errors: [
        'invalid_input',
        'invalid_credentials',
        'mfa_required',
        'forbidden',
        'conflict',
        'rate_limited',
        'service_unavailable',
      ],
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
