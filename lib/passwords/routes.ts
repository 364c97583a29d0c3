import { type Route, route } from '../http/route.js'
import { changeBody } from './schemas.js'
import type { Passwords } from './service.js'

export function passwordRoutes({ passwords }: { passwords: Passwords }): Route[] {
  return [
    route({
      method: 'POST',
      path: '/v1/users/me/password',
      auth: 'session',
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
