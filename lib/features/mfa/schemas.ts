import { z } from 'zod'
import { issuedTokens } from '../sessions/schemas.js'

/** `expires_in`: seconds until the second factor is no longer recent. */
export const steppedUp = z.strictObject({
  verified: z.literal(true),
  verified_at: z.iso.datetime(),
  ...issuedTokens.shape,
})
