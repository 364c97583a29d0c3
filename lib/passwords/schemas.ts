import { z } from 'zod'
import { emailAddress } from '../http/email-address.js'
import { passwordText, tokenDelivery, tokenText } from '../http/fields.js'

export const changeBody = z.strictObject({
  current_password: passwordText,
  new_password: passwordText,
  sign_out_other_sessions: z.boolean().default(true),
})

export const forgotBody = z.strictObject({ email: emailAddress })

export const resetBody = z.strictObject({
  token: tokenText,
  new_password: passwordText,
  token_delivery: tokenDelivery,
})
