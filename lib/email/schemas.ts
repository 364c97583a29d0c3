import { z } from 'zod'
import { emailAddress } from '../accounts/email-address.js'
import { tokenDelivery } from '../sign-in/schemas.js'

const token = z.string().min(1).max(200)

export const addressBody = z.strictObject({ email: emailAddress })

export const tokenBody = z.strictObject({ token })

export const verifyBody = z.strictObject({
  token,
  /** Where no session of the user is there to say that it is them. */
  password: z.string().min(1).max(1024).optional(),
  token_delivery: tokenDelivery,
  device_token: z.string().max(200).optional(),
})

export const confirmBody = verifyBody.omit({ token_delivery: true })

export const verified = z.strictObject({ status: z.literal('verified') })

export const codeBody = z.strictObject({
  email: emailAddress,
  code: z.string().regex(/^\d{6}$/, 'has six digits'),
  token_delivery: tokenDelivery,
})

export const linkBody = z.strictObject({ token, token_delivery: tokenDelivery })
