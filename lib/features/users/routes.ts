import { z } from 'zod'
import type { Config } from '../../core/config/config.js'
import { type Route, route } from '../../core/http/route.js'
import type { Passwords } from '../passwords/service.js'
import type { PersonalDataRights } from '../personal-data/service.js'
import type { Registrations } from '../registration/service.js'
import { clearedCookies } from '../sessions/issue.js'
import { answerSignIn } from '../sign-in/answer.js'
import { mfaChallenge, signInSuccess } from '../sign-in/schemas.js'
import type { SignIn } from '../sign-in/service.js'
import { profile, profilePatch, registerBody, registrationKept } from './schemas.js'
import type { Accounts, ProfileRow } from './service.js'

export function accountRoutes(rooms: {
  accounts: Accounts
  passwords: Passwords
  registration: Registrations
  signIn: SignIn
  personalData: PersonalDataRights
  config: Pick<Config, 'registration'>
}): Route[] {
  const { accounts, registration, personalData, config } = rooms
  return [
    route({
      method: 'POST',
      path: '/v1/auth/register',
      auth: 'none',
      input: { body: registerBody(config.registration.organization, config.registration.fields !== null) },
      output:
        config.registration.verification === 'first'
          ? { 202: registrationKept }
          : { 201: signInSuccess, 200: mfaChallenge },
      errors: ['invalid_input', 'forbidden', 'conflict', 'service_unavailable'],
      async handle({ body, context, cookie }) {
        const { token_delivery: delivery, ...input } = body
        if (config.registration.verification === 'first') {
          await registration.later(input, context)
          return { status: 202, body: { status: 'verification_required' } }
        }
        return answerSignIn(rooms, await registration.now(input, context), delivery, cookie('device'), 201)
      },
    }),
    route({
      method: 'GET',
      path: '/v1/users/me',
      auth: 'session',
      beforeMfa: true,
      output: { 200: profile },
      errors: [],
      handle: async ({ auth }) => ({ status: 200, body: describeProfile(await accounts.profile(auth.userId)) }),
    }),
    route({
      method: 'PATCH',
      path: '/v1/users/me',
      auth: 'session',
      input: { body: profilePatch },
      output: { 200: profile },
      errors: ['invalid_input'],
      async handle({ auth, body, context }) {
        const { preferences, ...texts } = body
        const cleared = Object.fromEntries(
          Object.entries(texts).map(([name, value]) => [name, value === '' ? null : value]),
        )
        const row = await accounts.updateProfile(auth, { ...cleared, ...(preferences && { preferences }) }, context)
        return { status: 200, body: describeProfile(row) }
      },
    }),
    route({
      method: 'GET',
      path: '/v1/users/me/export',
      auth: 'session',
      recentAuth: true,
      ownAccount: true,
      output: { 200: z.record(z.string(), z.unknown()) },
      errors: ['reauthentication_required', 'mfa_required', 'forbidden'],
      handle: async ({ auth }) => ({
        status: 200,
        body: await personalData.exportUser(auth),
        headers: { 'Content-Disposition': 'attachment; filename="account.json"' },
      }),
    }),
    route({
      method: 'DELETE',
      path: '/v1/users/me',
      auth: 'session',
      recentAuth: true,
      ownAccount: true,
      output: { 204: null },
      errors: ['reauthentication_required', 'mfa_required', 'forbidden', 'conflict'],
      async handle({ auth, context }) {
        await personalData.eraseUser(auth, context)
        return { status: 204, cookies: clearedCookies }
      },
    }),
  ]
}

function describeProfile(row: ProfileRow): z.output<typeof profile> {
  const { id, email_verified_at, created_at, updated_at, ...rest } = row
  return {
    user_id: id,
    email_verified: email_verified_at !== null,
    ...rest,
    created_at: created_at.toISOString(),
    updated_at: updated_at.toISOString(),
  }
}
