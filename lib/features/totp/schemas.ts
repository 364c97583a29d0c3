import { z } from 'zod'
import { deviceToken, passwordText, sixDigits, tokenDelivery, tokenText } from '../../core/http/fields.js'
import { issuedTokens } from '../sessions/schemas.js'

const recoveryCodes = z.array(z.string())

export const codeBody = z.strictObject({ code: sixDigits })

/** Accounts without a password omit `password`. */
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
    message: 'is required if there is no recovery_code, and not allowed otherwise',
  })

export const mfaStatus = z.strictObject({
  /** Whether sign-ins require a code. */
  enabled: z.boolean(),
  methods: z.array(z.string()),
  recovery_codes_left: z.int(),
})

export const mfaSetup = z.strictObject({
  /** Base32, to type in instead of scanning the QR code. */
  secret: z.string(),
  otpauth_url: z.string(),
  /** PNG image. */
  qr_code_base64: z.string(),
})

export const mfaEnabled = z.strictObject({
  enabled: z.literal(true),
  recovery_codes: recoveryCodes,
  ...issuedTokens.shape,
})

export const newRecoveryCodes = z.strictObject({ recovery_codes: recoveryCodes })
