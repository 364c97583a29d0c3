import { z } from 'zod'
import { emailAddress } from '../accounts/email-address.js'
import { assertionResponse } from '../passkeys/response.js'
import { issuedTokens, sessionDescription } from '../sessions/schemas.js'

/** `body` for native clients: tokens in the answer, no cookies. */
export const tokenDelivery = z.enum(['cookie', 'body']).default('cookie')

const password = z.string().min(1).max(1024)

export const loginBody = z.strictObject({
  email: emailAddress,
  password,
  token_delivery: tokenDelivery,
  /** What an earlier sign-in of this native client answered; browsers have a cookie instead. */
  device_token: z.string().max(200).optional(),
})

export const signInSuccess = z.strictObject({
  status: z.literal('success'),
  ...sessionDescription.shape,
  ...issuedTokens.shape,
  device_token: z.string().optional(),
})

export const mfaChallenge = z.strictObject({
  status: z.literal('mfa_required'),
  mfa_token: z.string(),
  mfa_token_expires_in: z.int(),
  methods: z.array(z.string()),
})

export const reauthenticateBody = z
  .strictObject({
    password: password.optional(),
    /** From a mail that `/v1/auth/reauthenticate/code` asked for. */
    code: z
      .string()
      .regex(/^\d{6}$/, 'has six digits')
      .optional(),
    /** The answer to `POST /v1/auth/mfa/verify/passkey/begin`. */
    passkey: assertionResponse.optional(),
    /** What the fresh proof is for; the first enrolment of a factor needs one made for it. */
    purpose: z.enum(['mfa_setup', 'passkey_registration']).optional(),
  })
  .refine(
    ({ password, code, passkey }) => [password, code, passkey].filter((proof) => proof !== undefined).length === 1,
    'needs password, code or passkey',
  )

export const reauthenticated = z.strictObject({ auth_time: z.iso.datetime(), ...issuedTokens.shape })
