import { type Route, route } from '../../core/http/route.js'
import type { Store } from '../../core/store/store.js'
import type { Passwords } from '../passwords/service.js'
import type { Registrations } from '../registration/service.js'
import { answerSignIn } from '../sign-in/answer.js'
import { flowCookie } from '../sign-in/flow.js'
import { mfaChallenge, signInSuccess } from '../sign-in/schemas.js'
import type { SignIn } from '../sign-in/service.js'
import type { AddressChange } from './address-change.js'
import type { Challenges } from './challenges.js'
import type { CodeReauthentication } from './reauthentication.js'
import { addressBody, codeBody, confirmBody, linkBody, tokenBody, verified, verifyBody } from './schemas.js'
import type { EmailSignIn } from './sign-in.js'
import type { Undo } from './undo.js'
import type { Verification } from './verification.js'

export function emailRoutes(rooms: {
  store: Store
  challenges: Challenges
  verification: Verification
  emailSignIn: EmailSignIn
  addressChange: AddressChange
  undo: Undo
  codeReauthentication: CodeReauthentication
  registration: Registrations
  passwords: Passwords
  signIn: SignIn
}): Route[] {
  const { store, challenges, verification, emailSignIn, addressChange, undo, codeReauthentication, registration } =
    rooms
  return [
    route({
      method: 'POST',
      path: '/v1/auth/email/verify/request',
      auth: 'session',
      beforeMfa: true,
      output: { 204: null },
      errors: [],
      async handle({ auth }) {
        await store.transaction((tx) => verification.request(tx, auth.userId))
        return { status: 204 }
      },
    }),
    route({
      method: 'POST',
      path: '/v1/auth/email/verify',
      auth: 'optional',
      beforeMfa: true,
      input: { body: verifyBody },
      output: { 200: verified.or(signInSuccess).or(mfaChallenge) },
      errors: [
        'invalid_input',
        'invalid_credentials',
        'reauthentication_required',
        'forbidden',
        'conflict',
        'rate_limited',
      ],
      async handle({ auth, body, context, cookie }) {
        const device = body.device_token ?? cookie('device')
        const challenge = await challenges.find(['verify', 'register'], body.token)
        if (challenge.kind === 'register') {
          const entered = await registration.complete(challenge, body.password, context)
          return answerSignIn(rooms, entered, body.token_delivery, device)
        }
        await verification.confirm(challenge, { auth, password: body.password, device }, context)
        return { status: 200, body: { status: 'verified' } }
      },
    }),
    route({
      method: 'POST',
      path: '/v1/auth/reauthenticate/code',
      auth: 'session',
      beforeMfa: true,
      output: { 204: null },
      errors: [],
      async handle({ auth }) {
        await codeReauthentication.request(auth)
        return { status: 204 }
      },
    }),
    route({
      method: 'POST',
      path: '/v1/auth/email-otp/request',
      auth: 'none',
      input: { body: addressBody },
      output: { 204: null },
      errors: ['invalid_input'],
      async handle({ body, cookie }) {
        const value = await emailSignIn.requestCode(body.email, cookie('flow'))
        return { status: 204, cookies: [flowCookie(value)] }
      },
    }),
    route({
      method: 'POST',
      path: '/v1/auth/email-otp/verify',
      auth: 'none',
      input: { body: codeBody },
      output: { 200: signInSuccess.or(mfaChallenge) },
      errors: ['invalid_input', 'invalid_credentials'],
      async handle({ body, context, cookie }) {
        const entered = await emailSignIn.byCode(
          body.email,
          body.code,
          { flow: cookie('flow'), trust: cookie('trust') },
          context,
        )
        return answerSignIn(rooms, entered, body.token_delivery, cookie('device'))
      },
    }),
    route({
      method: 'POST',
      path: '/v1/auth/magic-link/request',
      auth: 'none',
      input: { body: addressBody },
      output: { 204: null },
      errors: ['invalid_input'],
      async handle({ body }) {
        await emailSignIn.requestLink(body.email)
        return { status: 204 }
      },
    }),
    route({
      method: 'POST',
      path: '/v1/auth/magic-link/verify',
      auth: 'none',
      input: { body: linkBody },
      output: { 200: signInSuccess.or(mfaChallenge) },
      errors: ['invalid_input', 'invalid_credentials'],
      async handle({ body, context, cookie }) {
        const entered = await emailSignIn.byLink(body.token, cookie('trust'), context)
        return answerSignIn(rooms, entered, body.token_delivery, cookie('device'))
      },
    }),
    route({
      method: 'POST',
      path: '/v1/users/me/email',
      auth: 'session',
      recentAuth: true,
      ownAccount: true,
      input: { body: addressBody },
      output: { 204: null },
      errors: ['invalid_input', 'reauthentication_required', 'mfa_required', 'forbidden'],
      async handle({ auth, body }) {
        await addressChange.request(auth, body.email)
        return { status: 204 }
      },
    }),
    route({
      method: 'POST',
      path: '/v1/auth/email/confirm',
      auth: 'optional',
      input: { body: confirmBody },
      output: { 204: null },
      errors: ['invalid_input', 'invalid_credentials', 'reauthentication_required', 'conflict', 'rate_limited'],
      async handle({ auth, body, context, cookie }) {
        const device = body.device_token ?? cookie('device')
        await addressChange.confirm(body.token, { auth, password: body.password, device }, context)
        return { status: 204 }
      },
    }),
    route({
      method: 'POST',
      path: '/v1/auth/email/undo',
      auth: 'none',
      input: { body: tokenBody },
      output: { 204: null },
      errors: ['invalid_input', 'invalid_credentials', 'conflict'],
      async handle({ body, context }) {
        await undo.take(body.token, context)
        return { status: 204 }
      },
    }),
  ]
}
