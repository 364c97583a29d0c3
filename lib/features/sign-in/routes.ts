import { type Route, route } from '../../core/http/route.js'
import type { Journal } from '../../core/journal/journal.js'
import type { Store } from '../../core/store/store.js'
import type { Passwords } from '../passwords/service.js'
import type { TokenIssuer } from '../sessions/issue.js'
import { renewTokens } from '../sessions/renew-tokens.js'
import type { Sessions } from '../sessions/service.js'
import { answerSignIn } from './answer.js'
import { type FreshProofs, proveAgain } from './reauthentication.js'
import { loginBody, mfaChallenge, reauthenticateBody, reauthenticated, signInSuccess } from './schemas.js'
import type { SignIn } from './service.js'

export function signInRoutes(rooms: {
  store: Store
  journal: Journal
  passwords: Passwords
  sessions: Sessions
  signIn: SignIn
  issuer: TokenIssuer
  freshProofs: FreshProofs
}): Route[] {
  const { store, journal, passwords, sessions, signIn, freshProofs } = rooms
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
        const proven = await passwords.proveByEmail(body.email, body.password, device, context)
        const entered = await store.transaction(async (tx) => {
          await proven.settle(tx)
          return signIn.enter(tx, {
            userId: proven.user.id,
            securityVersion: proven.user.security_version,
            authMethod: 'password',
            amr: ['pwd'],
            trustToken: cookie('trust'),
            context,
          })
        })
        return answerSignIn(rooms, entered, body.token_delivery, device)
      },
    }),
    route({
      method: 'POST',
      path: '/v1/auth/reauthenticate',
      auth: 'session',
      beforeMfa: true,
      input: { body: reauthenticateBody },
      output: { 200: reauthenticated },
      errors: ['invalid_input', 'invalid_credentials', 'rate_limited', 'service_unavailable'],
      async handle({ auth, body, context }) {
        const proven = await proveAgain(freshProofs, auth, body, context)
        await store.transaction(async (tx) => {
          await proven.settle(tx)
          await sessions.renewAuthTime(tx, auth.sessionId, body.purpose ?? null)
          await journal.record(tx, 'auth.reauthenticated', {
            actorId: auth.userId,
            impersonatorId: auth.impersonatorId,
            organizationId: auth.organizationId,
            resource: { type: 'session', id: auth.sessionId },
            data: { purpose: body.purpose ?? null },
            context,
          })
        })
        const { session, fields, cookies } = await renewTokens(rooms, auth)
        return { status: 200, body: { auth_time: session.auth_time.toISOString(), ...fields }, cookies }
      },
    }),
  ]
}
