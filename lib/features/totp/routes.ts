import { type Route, route } from '../../core/http/route.js'
import type { StepUp } from '../mfa/step-up.js'
import type { Passwords } from '../passwords/service.js'
import type { TokenIssuer } from '../sessions/issue.js'
import { renewTokens } from '../sessions/renew-tokens.js'
import type { Sessions } from '../sessions/service.js'
import { answerSignIn } from '../sign-in/answer.js'
import { signInSuccess } from '../sign-in/schemas.js'
import type { SignIn } from '../sign-in/service.js'
import {
  challengeBody,
  codeBody,
  mfaEnabled,
  mfaSetup,
  mfaStatus,
  newRecoveryCodes,
  passwordBody,
  steppedUp,
} from './schemas.js'
import type { Mfa } from './service.js'

export function mfaRoutes(rooms: {
  mfa: Mfa
  stepUp: StepUp
  sessions: Sessions
  issuer: TokenIssuer
  signIn: SignIn
  passwords: Passwords
}): Route[] {
  const { mfa, stepUp } = rooms
  return [
    route({
      method: 'GET',
      path: '/v1/auth/mfa/status',
      auth: 'session',
      beforeMfa: true,
      output: { 200: mfaStatus },
      errors: [],
      handle: async ({ auth }) => ({ status: 200, body: await mfa.status(auth) }),
    }),
    route({
      method: 'POST',
      path: '/v1/auth/mfa/setup',
      auth: 'session',
      beforeMfa: true,
      factorChange: 'mfa_setup',
      output: { 200: mfaSetup },
      errors: ['forbidden', 'reauthentication_required', 'mfa_required'],
      async handle({ auth }) {
        const { secret, url, qrCode } = await mfa.setup(auth)
        return { status: 200, body: { secret, otpauth_url: url, qr_code_base64: qrCode } }
      },
    }),
    route({
      method: 'POST',
      path: '/v1/auth/mfa/enable',
      auth: 'session',
      beforeMfa: true,
      factorChange: 'completion',
      input: { body: codeBody },
      output: { 200: mfaEnabled },
      errors: ['invalid_input', 'invalid_credentials', 'mfa_required', 'forbidden', 'conflict', 'rate_limited'],
      async handle({ auth, body, context }) {
        const codes = await mfa.enable(auth, body.code, context)
        const { fields, cookies } = await renewTokens(rooms, auth)
        return { status: 200, body: { enabled: true, recovery_codes: codes, ...fields }, cookies }
      },
    }),
    route({
      method: 'POST',
      path: '/v1/auth/mfa/disable',
      auth: 'session',
      factorChange: 'mfa_disable',
      input: { body: passwordBody },
      output: { 204: null },
      errors: ['invalid_input', 'invalid_credentials', 'mfa_required', 'forbidden', 'conflict', 'rate_limited'],
      async handle({ auth, body, context }) {
        await mfa.disable(auth, body.password, context)
        return { status: 204 }
      },
    }),
    route({
      method: 'POST',
      path: '/v1/auth/mfa/recovery-codes',
      auth: 'session',
      beforeMfa: true,
      factorChange: 'recovery_codes',
      input: { body: passwordBody },
      output: { 200: newRecoveryCodes },
      errors: ['invalid_input', 'invalid_credentials', 'mfa_required', 'forbidden', 'conflict', 'rate_limited'],
      async handle({ auth, body, context }) {
        return { status: 200, body: { recovery_codes: await mfa.renewRecoveryCodes(auth, body.password, context) } }
      },
    }),
    route({
      method: 'POST',
      path: '/v1/auth/mfa/challenge',
      auth: 'none',
      input: { body: challengeBody },
      output: { 200: signInSuccess },
      errors: ['invalid_input', 'invalid_credentials', 'rate_limited'],
      async handle({ body, context, cookie }) {
        const answer = body.code === undefined ? { recoveryCode: body.recovery_code ?? '' } : { code: body.code }
        const entered = await mfa.answerChallenge(body.mfa_token, answer, context)
        return answerSignIn(rooms, entered, body.token_delivery, body.device_token ?? cookie('device'))
      },
    }),
    route({
      method: 'POST',
      path: '/v1/auth/mfa/verify',
      auth: 'session',
      beforeMfa: true,
      input: { body: codeBody },
      output: { 200: steppedUp },
      errors: ['invalid_input', 'invalid_credentials', 'forbidden', 'conflict', 'rate_limited'],
      async handle({ auth, body, context }) {
        await mfa.verify(auth, body.code, context)
        return stepUp.answer(auth)
      },
    }),
  ]
}
