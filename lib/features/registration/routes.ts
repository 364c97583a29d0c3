import { type Route, route } from '../../core/http/route.js'
import { mfaChallenge, signInSuccess } from '../sign-in/schemas.js'
import type { SignIn } from '../sign-in/service.js'
import type { RegistrationSettings } from './options.js'
import { registerBody, registrationKept } from './schemas.js'
import type { Registration } from './service.js'

export function registrationRoutes(deps: {
  registration: Registration
  signIn: Pick<SignIn, 'answer'>
  settings: RegistrationSettings
}): Route[] {
  const { registration, signIn, settings } = deps
  const isVerifiedFirst = settings.verification === 'first'
  return [
    route({
      method: 'POST',
      path: '/v1/auth/register',
      auth: 'none',
      input: { body: registerBody(settings) },
      output: isVerifiedFirst ? { 202: registrationKept } : { 201: signInSuccess, 200: mfaChallenge },
      errors: ['invalid_input', 'forbidden', 'conflict', 'service_unavailable'],
      async handle({ body, context, cookie }) {
        const { token_delivery: delivery, ...input } = body
        if (isVerifiedFirst) {
          await registration.later(input, context)
          return { status: 202, body: { status: 'verification_required' } }
        }
        return signIn.answer(await registration.now(input, context), delivery, cookie('device'), 201)
      },
    }),
  ]
}
