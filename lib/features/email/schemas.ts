import { z } from 'zod'
import { deviceToken, passwordText, sixDigits, tokenDelivery, tokenText } from '../../core/http/fields.js'
import { emailAddress } from '../users/email-address.js'

export const addressBody = z.strictObject({ email: emailAddress })

export const tokenBody = z.strictObject({ token: tokenText })

export const verifyBody = z.strictObject({
  token: tokenText,
  /** Required without a session of the user. */
  password: passwordText.optional(),
  token_delivery: tokenDelivery,
  device_token: deviceToken,
})

export const confirmBody = verifyBody.omit({ token_delivery: true })

export const verified = z.strictObject({ status: z.literal('verified') })

export const codeBody = z.strictObject({
  email: emailAddress,
  code: sixDigits,
  token_delivery: tokenDelivery,
})

export const linkBody = z.strictObject({ token: tokenText, token_delivery: tokenDelivery })
