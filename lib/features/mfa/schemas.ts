import { z } from 'zod'
import { issuedTokens } from '../sessions/schemas.js'

/** `expires_in`: seconds for which the step-up holds by default. */
export const steppedUp = z.strictObject({
  verified: z.literal(true),
  verified_at: z.iso.datetime(),
  ...issuedTokens.shape,
})
