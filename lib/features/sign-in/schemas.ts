import { z } from 'zod'
import { deviceToken, passwordText, sixDigits, tokenDelivery } from '../../core/http/fields.js'
import { assertionResponse } from '../passkeys/webauthn-response.js'
import { issuedTokens, sessionDescription } from '../sessions/schemas.js'
import { emailAddress } from '../users/email-address.js'

export const loginBody = z.strictObject({
  email: emailAddress,
  password: passwordText,
  token_delivery: tokenDelivery,
  device_token: deviceToken,
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
    password: passwordText.optional(),
    /** From a mail that `/v1/auth/reauthenticate/code` asked for. */
    code: sixDigits.optional(),
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
