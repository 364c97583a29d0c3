import { idInPath } from '../../core/http/fields.js'
import { type Route, route } from '../../core/http/route.js'
import { browserList, trustBody, trusted } from './schemas.js'
import { type TrustedBrowsers, trustSeconds } from './service.js'

export function trustedBrowserRoutes({ trustedBrowsers }: { trustedBrowsers: TrustedBrowsers }): Route[] {
  return [
    route({
      method: 'POST',
      path: '/v1/auth/trusted-browsers',
      auth: 'session',
      input: { body: trustBody },
      output: { 201: trusted },
      errors: ['invalid_input', 'mfa_required', 'forbidden'],
      async handle({ auth, body, cookie, context }) {
        const { id, token } = await trustedBrowsers.trust(auth, body.label ?? null, cookie('trust'), context)
        return {
          status: 201,
          body: { id, expires_in: trustSeconds },
          cookies: [{ name: 'trust', value: token, maxAgeSeconds: trustSeconds }],
        }
      },
    }),
    route({
      method: 'GET',
      path: '/v1/auth/trusted-browsers',
      auth: 'session',
      output: { 200: browserList },
      errors: [],
      async handle({ auth, cookie }) {
        const rows = await trustedBrowsers.list(auth, cookie('trust'))
        const described = rows.map((row) => ({
          ...row,
          created_at: row.created_at.toISOString(),
          last_used_at: row.last_used_at.toISOString(),
          expires_at: row.expires_at.toISOString(),
        }))
        return { status: 200, body: { trusted_browsers: described } }
      },
    }),
    route({
      method: 'DELETE',
      path: '/v1/auth/trusted-browsers/:id',
      auth: 'session',
      input: { params: idInPath },
      output: { 204: null },
      errors: ['not_found'],
      async handle({ auth, params, context }) {
        await trustedBrowsers.revoke(auth, params.id, context)
        return { status: 204 }
      },
    }),
  ]
}
