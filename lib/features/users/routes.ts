import type { z } from 'zod'
import { type Route, route } from '../../core/http/route.js'
import { profile, profilePatch } from './schemas.js'
import type { ProfileRow, Users } from './service.js'

export function userRoutes(users: Users): Route[] {
  return [
    route({
      method: 'GET',
      path: '/v1/users/me',
      auth: 'session',
      skipsRequirements: true,
      output: { 200: profile },
      errors: [],
      handle: async ({ auth }) => ({ status: 200, body: describeProfile(await users.profile(auth.userId)) }),
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
        const row = await users.updateProfile(auth, { ...cleared, ...(preferences && { preferences }) }, context)
        return { status: 200, body: describeProfile(row) }
      },
    }),
  ]
}

function describeProfile(row: ProfileRow): z.output<typeof profile> {
  const { id, email_verified_at, created_at, updated_at, ...fields } = row
  return {
    user_id: id,
    email_verified: email_verified_at !== null,
    ...fields,
    created_at: created_at.toISOString(),
    updated_at: updated_at.toISOString(),
  }
}
