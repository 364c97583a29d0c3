import { z } from 'zod'
import { maxReturnTargetCharacters } from '../../core/http/origin.js'

/** Body of `refresh` and `logout` for native clients. Browsers send a cookie and no body. */
export const refreshBody = z.strictObject({ refresh_token: z.string().max(200).optional() })

export const sessionDescription = z.strictObject({
  user: z.strictObject({
    user_id: z.uuid(),
    email: z.string(),
    email_verified: z.boolean(),
    display_name: z.string().nullable(),
    organization_id: z.uuid().nullable(),
    is_platform_admin: z.boolean(),
    auth_method: z.string(),
    session_family_id: z.uuid(),
    mfa_verified_at: z.iso.datetime().nullable(),
    scopes: z.array(z.string()),
    extensions: z.record(z.string(), z.never()),
  }),
  session: z.strictObject({
    id: z.uuid(),
    created_at: z.iso.datetime(),
    expires_at: z.iso.datetime(),
    auth_time: z.iso.datetime(),
    amr: z.array(z.string()),
  }),
  capabilities: z.strictObject({ role: z.string().nullable(), permissions: z.array(z.string()) }),
})

/** `csrf_token` only with cookies, because a page on another host cannot read the CSRF cookie. */
export const currentSession = sessionDescription.extend({ csrf_token: z.string().optional() })

/** `csrf_token` with cookies, `access_token` and `refresh_token` with body delivery. */
export const issuedTokens = z.strictObject({
  expires_in: z.int(),
  csrf_token: z.string().optional(),
  access_token: z.string().optional(),
  refresh_token: z.string().optional(),
})

export const sessionList = z.strictObject({
  sessions: z.array(
    z.strictObject({
      id: z.uuid(),
      created_at: z.iso.datetime(),
      last_seen_at: z.iso.datetime(),
      expires_at: z.iso.datetime(),
      ip_address: z.string().nullable(),
      user_agent: z.string().nullable(),
      auth_method: z.string(),
      current: z.boolean(),
    }),
  ),
})

export const returnTo = z.object({ return_to: z.string().max(maxReturnTargetCharacters).optional() })
