import { type Route, route } from '../../core/http/route.js'
import type { Mfa } from '../mfa/feature.js'
import { recentAuth } from '../sessions/rules/recent-auth.js'
import { flowCookie } from '../sign-in/flow.js'
import { mfaChallenge, signInSuccess } from '../sign-in/schemas.js'
import type { SignIn } from '../sign-in/service.js'
import type { AddressChange } from './address-change.js'
import type { EmailSignIn } from './email-sign-in.js'
import type { CodeReauthentication } from './reauthentication.js'
import type { Reverts } from './revert.js'
import { addressBody, codeBody, confirmBody, linkBody, tokenBody, verified, verifyBody } from './schemas.js'
import type { Verification } from './verification.js'

export function emailRoutes(deps: {
  verification: Verification
  emailSignIn: EmailSignIn
  addressChange: AddressChange
  reverts: Reverts
  codeReauthentication: CodeReauthentication
  mfa: Pick<Mfa, 'sensitive'>
  signIn: Pick<SignIn, 'answer'>
}): Route[] {
  const { verification, emailSignIn, addressChange, reverts, codeReauthentication, mfa, signIn } = deps
  return [
    route({
      method: 'POST',
      path: '/v1/auth/email/verify/request',
      auth: 'session',
      skipsRequirements: true,
      output: { 204: null },
      errors: [],
      async handle({ auth }) {
        await verification.requestFor(auth)
        return { status: 204 }
      },
    }),
    route({
      method: 'POST',
      path: '/v1/auth/email/verify',
      auth: 'optional',
      skipsRequirements: true,
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
        const proof = { auth, password: body.password, device }
        const result = await verification.accept(body.token, proof, context)
        if (result !== null) return signIn.answer(result, body.token_delivery, device)
        return { status: 200, body: { status: 'verified' } }
      },
    }),
    route({
      method: 'POST',
      path: '/v1/auth/reauthenticate/code',
      auth: 'session',
      skipsRequirements: true,
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
        const result = await emailSignIn.byCode(
          body.email,
          body.code,
          { flow: cookie('flow'), trust: cookie('trust') },
          context,
        )
        return signIn.answer(result, body.token_delivery, cookie('device'))
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
        const result = await emailSignIn.byLink(body.token, cookie('trust'), context)
        return signIn.answer(result, body.token_delivery, cookie('device'))
      },
    }),
    route({
      method: 'POST',
      path: '/v1/users/me/email',
      auth: 'session',
      checks: [recentAuth(), mfa.sensitive],
      input: { body: addressBody },
      output: { 204: null },
      errors: ['invalid_input'],
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
        await reverts.revert(body.token, context)
        return { status: 204 }
      },
    }),
  ]
}
