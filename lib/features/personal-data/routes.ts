import { z } from 'zod'
import { type Route, route } from '../../core/http/route.js'
import type { Mfa } from '../mfa/feature.js'
import { clearedCookies } from '../sessions/issue.js'
import { recentAuth } from '../sessions/rules/recent-auth.js'
import type { PersonalDataService } from './service.js'

export function personalDataRoutes(deps: { personalData: PersonalDataService; mfa: Pick<Mfa, 'sensitive'> }): Route[] {
  const { personalData, mfa } = deps
  const checks = [recentAuth(), mfa.sensitive]
  return [
    route({
      method: 'GET',
      path: '/v1/users/me/export',
      auth: 'session',
      checks,
      output: { 200: z.record(z.string(), z.unknown()) },
      errors: [],
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
      checks,
      output: { 204: null },
      errors: ['conflict'],
      async handle({ auth, context }) {
        await personalData.eraseUser(auth, context)
        return { status: 204, cookies: clearedCookies }
      },
    }),
  ]
}
