import { type Delivery, idInPath } from '../../core/http/fields.js'
import { type Reply, type Route, route } from '../../core/http/route.js'
import type { Mfa } from '../mfa/feature.js'
import { steppedUp } from '../mfa/schemas.js'
import type { Sessions } from '../sessions/service.js'
import { flowCookie, flowToken } from '../sign-in/flow.js'
import { signInSuccess } from '../sign-in/schemas.js'
import type { SignIn } from '../sign-in/service.js'
import type { RequestOptions } from './library.js'
import type { PasskeyRow } from './repository.js'
import {
  ceremony,
  challengeBeginBody,
  challengeBody,
  labelBody,
  loginBeginBody,
  loginBody,
  passkey,
  passkeyList,
  registerBody,
  registered,
  stepUpBody,
} from './schemas.js'
import type { Passkeys } from './service.js'

/** Reauthentication purpose for the first passkey. */
export const passkeyPurpose = 'passkey_registration'

export function passkeyRoutes(deps: {
  passkeys: Passkeys
  mfa: Pick<Mfa, 'stepUp' | 'factorChange'>
  sessions: Pick<Sessions, 'renewTokens'>
  signIn: Pick<SignIn, 'answer'>
}): Route[] {
  const { passkeys, sessions, signIn } = deps
  const { stepUp, factorChange } = deps.mfa
  return [
    route({
      method: 'POST',
      path: '/v1/users/me/passkeys/register/begin',
      auth: 'session',
      skipsRequirements: true,
      checks: [factorChange({ kind: { begins: passkeyPurpose } })],
      output: { 200: ceremony },
      errors: [],
      handle: async ({ auth }) => ({ status: 200, body: { options: await passkeys.beginRegistration(auth) } }),
    }),
    route({
      method: 'POST',
      path: '/v1/users/me/passkeys/register/complete',
      auth: 'session',
      skipsRequirements: true,
      checks: [factorChange({ kind: 'completion', provesItself: true })],
      input: { body: registerBody },
      output: { 201: registered },
      errors: ['invalid_input', 'invalid_credentials', 'conflict'],
      async handle({ auth, body, context }) {
        const row = await passkeys.register(auth, body.response, body.label ?? null, context)
        const { fields, cookies } = await sessions.renewTokens(auth)
        return { status: 201, body: { passkey: describe(row), ...fields }, cookies }
      },
    }),
    route({
      method: 'GET',
      path: '/v1/users/me/passkeys',
      auth: 'session',
      skipsRequirements: true,
      output: { 200: passkeyList },
      errors: [],
      async handle({ auth }) {
        const rows = await passkeys.list(auth.userId)
        return { status: 200, body: { passkeys: rows.map(describe) } }
      },
    }),
    route({
      method: 'PATCH',
      path: '/v1/users/me/passkeys/:id',
      auth: 'session',
      input: { params: idInPath, body: labelBody },
      output: { 200: passkey },
      errors: ['invalid_input', 'not_found'],
      async handle({ auth, params, body }) {
        return { status: 200, body: describe(await passkeys.rename(auth, params.id, body.label)) }
      },
    }),
    route({
      method: 'DELETE',
      path: '/v1/users/me/passkeys/:id',
      auth: 'session',
      checks: [factorChange({ kind: 'removal' })],
      input: { params: idInPath },
      output: { 204: null },
      errors: ['not_found', 'conflict'],
      async handle({ auth, params, context }) {
        await passkeys.remove(auth, params.id, context)
        return { status: 204 }
      },
    }),
    route({
      method: 'POST',
      path: '/v1/auth/passkey/login/begin',
      auth: 'none',
      input: { body: loginBeginBody },
      output: { 200: ceremony },
      errors: ['invalid_input'],
      async handle({ body, cookie }) {
        const flow = flowToken(cookie('flow'))
        return withFlow(await passkeys.beginLogin(body.email ?? null, flow), flow, body.token_delivery)
      },
    }),
    route({
      method: 'POST',
      path: '/v1/auth/passkey/login/complete',
      auth: 'none',
      input: { body: loginBody },
      output: { 200: signInSuccess },
      errors: ['invalid_input', 'invalid_credentials'],
      async handle({ body, context, cookie }) {
        const result = await passkeys.signIn(body.response, body.flow_token ?? cookie('flow'), context)
        return signIn.answer(result, body.token_delivery, body.device_token ?? cookie('device'))
      },
    }),
    route({
      method: 'POST',
      path: '/v1/auth/mfa/challenge/passkey/begin',
      auth: 'none',
      input: { body: challengeBeginBody },
      output: { 200: ceremony },
      errors: ['invalid_input', 'invalid_credentials', 'conflict', 'rate_limited'],
      async handle({ body, cookie }) {
        const flow = flowToken(cookie('flow'))
        const options = await passkeys.beginAnswer(body.mfa_token, flow)
        return withFlow(options, flow, body.token_delivery)
      },
    }),
    route({
      method: 'POST',
      path: '/v1/auth/mfa/challenge/passkey/complete',
      auth: 'none',
      input: { body: challengeBody },
      output: { 200: signInSuccess },
      errors: ['invalid_input', 'invalid_credentials', 'rate_limited'],
      async handle({ body, context, cookie }) {
        const flow = body.flow_token ?? cookie('flow')
        const result = await passkeys.answerChallenge(body.mfa_token, body.response, flow, context)
        return signIn.answer(result, body.token_delivery, body.device_token ?? cookie('device'))
      },
    }),
    route({
      method: 'POST',
      path: '/v1/auth/mfa/verify/passkey/begin',
      auth: 'session',
      skipsRequirements: true,
      output: { 200: ceremony },
      errors: ['conflict'],
      async handle({ auth }) {
        return { status: 200, body: { options: await passkeys.beginStepUp(auth) } }
      },
    }),
    route({
      method: 'POST',
      path: '/v1/auth/mfa/verify/passkey/complete',
      auth: 'session',
      skipsRequirements: true,
      input: { body: stepUpBody },
      output: { 200: steppedUp },
      errors: ['invalid_input', 'invalid_credentials', 'forbidden'],
      async handle({ auth, body, context }) {
        await passkeys.verify(auth, body.response, context)
        return stepUp.answer(auth)
      },
    }),
  ]
}

/** Options with the flow token: in a cookie for browsers, in the body for native clients. */
function withFlow(options: RequestOptions, flow: string, delivery: Delivery): Reply {
  if (delivery === 'body') return { status: 200, body: { options, flow_token: flow } }
  return { status: 200, body: { options }, cookies: [flowCookie(flow)] }
}

function describe(row: PasskeyRow) {
  return {
    id: row.id,
    label: row.label,
    aaguid: row.aaguid,
    transports: row.transports,
    backup_eligible: row.backup_eligible,
    backed_up: row.backed_up,
    created_at: row.created_at.toISOString(),
    last_used_at: row.last_used_at?.toISOString() ?? null,
  }
}
