import { z } from 'zod'
import { deviceToken, passwordText, sixDigits, tokenDelivery, tokenText } from '../../core/http/fields.js'
import { issuedTokens } from '../sessions/schemas.js'

const recoveryCodes = z.array(z.string())

export const codeBody = z.strictObject({ code: sixDigits })

/** `password` is left out by accounts that have none. */
export const passwordBody = z.strictObject({ password: passwordText.optional() })

export const challengeBody = z
  .strictObject({
    mfa_token: tokenText,
    code: sixDigits.optional(),
    recovery_code: z.string().min(1).max(64).optional(),
    token_delivery: tokenDelivery,
    device_token: deviceToken,
  })
  .refine((body) => (body.code === undefined) !== (body.recovery_code === undefined), {
    path: ['code'],
    message: 'give a code or a recovery_code',
  })

export const mfaStatus = z.strictObject({
  /** Whether sign-ins meet a challenge. */
  enabled: z.boolean(),
  methods: z.array(z.string()),
  recovery_codes_left: z.int(),
})

export const mfaSetup = z.strictObject({
  /** Base32, for who cannot scan. */
  secret: z.string(),
  otpauth_url: z.string(),
  /** A PNG. */
  qr_code_base64: z.string(),
})

export const mfaEnabled = z.strictObject({
  enabled: z.literal(true),
  recovery_codes: recoveryCodes,
  ...issuedTokens.shape,
})

export const newRecoveryCodes = z.strictObject({ recovery_codes: recoveryCodes })
