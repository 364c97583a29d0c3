import { type Route, route } from '../../core/http/route.js'
import type { Mfa } from '../mfa/feature.js'
import { steppedUp } from '../mfa/schemas.js'
import type { Sessions } from '../sessions/service.js'
import { signInSuccess } from '../sign-in/schemas.js'
import type { SignIn } from '../sign-in/service.js'
import { challengeBody, codeBody, mfaEnabled, mfaSetup, mfaStatus, newRecoveryCodes, passwordBody } from './schemas.js'
import type { Totp } from './service.js'

/** Reauthentication purpose for the first enrollment. */
export const totpPurpose = 'mfa_setup'

export function totpRoutes(deps: {
  totp: Totp
  mfa: Pick<Mfa, 'stepUp' | 'factorChange'>
  sessions: Pick<Sessions, 'renewTokens'>
  signIn: Pick<SignIn, 'answer'>
}): Route[] {
  const { totp, sessions, signIn } = deps
  const { stepUp, factorChange } = deps.mfa
  return [
    route({
      method: 'GET',
      path: '/v1/auth/mfa/status',
      auth: 'session',
      skipsRequirements: true,
      output: { 200: mfaStatus },
      errors: [],
      handle: async ({ auth }) => ({ status: 200, body: await totp.status(auth) }),
    }),
    route({
      method: 'POST',
      path: '/v1/auth/mfa/setup',
      auth: 'session',
      skipsRequirements: true,
      checks: [factorChange({ kind: { begins: totpPurpose } })],
      output: { 200: mfaSetup },
      errors: [],
      async handle({ auth }) {
        const { secret, url, qrCode } = await totp.setup(auth)
        return { status: 200, body: { secret, otpauth_url: url, qr_code_base64: qrCode } }
      },
    }),
    route({
      method: 'POST',
      path: '/v1/auth/mfa/enable',
      auth: 'session',
      skipsRequirements: true,
      checks: [factorChange({ kind: 'completion', provesItself: true })],
      input: { body: codeBody },
      output: { 200: mfaEnabled },
      errors: ['invalid_input', 'invalid_credentials', 'conflict', 'rate_limited'],
      async handle({ auth, body, context }) {
        const codes = await totp.enable(auth, body.code, context)
        const { fields, cookies } = await sessions.renewTokens(auth)
        return { status: 200, body: { enabled: true, recovery_codes: codes, ...fields }, cookies }
      },
    }),
    route({
      method: 'POST',
      path: '/v1/auth/mfa/disable',
      auth: 'session',
      checks: [factorChange({ kind: 'removal', provesItself: true })],
      input: { body: passwordBody },
      output: { 204: null },
      errors: ['invalid_input', 'invalid_credentials', 'conflict', 'rate_limited'],
      async handle({ auth, body, context }) {
        await totp.disable(auth, body.password, context)
        return { status: 204 }
      },
    }),
    route({
      method: 'POST',
      path: '/v1/auth/mfa/recovery-codes',
      auth: 'session',
      skipsRequirements: true,
      checks: [factorChange({ kind: 'renewal', provesItself: true })],
      input: { body: passwordBody },
      output: { 200: newRecoveryCodes },
      errors: ['invalid_input', 'invalid_credentials', 'conflict', 'rate_limited'],
      async handle({ auth, body, context }) {
        return { status: 200, body: { recovery_codes: await totp.renewRecoveryCodes(auth, body.password, context) } }
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
        const result = await totp.answerChallenge(body.mfa_token, answer, context)
        return signIn.answer(result, body.token_delivery, body.device_token ?? cookie('device'))
      },
    }),
    route({
      method: 'POST',
      path: '/v1/auth/mfa/verify',
      auth: 'session',
      skipsRequirements: true,
      input: { body: codeBody },
      output: { 200: steppedUp },
      errors: ['invalid_input', 'invalid_credentials', 'forbidden', 'conflict', 'rate_limited'],
      async handle({ auth, body, context }) {
        await totp.verify(auth, body.code, context)
        return stepUp.answer(auth)
      },
    }),
  ]
}
