import { z } from 'zod'
import { emailAddress } from '../accounts/email-address.js'
import { tokenDelivery } from '../sign-in/schemas.js'

const password = z.string().min(1).max(1024)

export const changeBody = z.strictObject({
  current_password: password,
  new_password: password,
  sign_out_other_sessions: z.boolean().default(true),
})

export const forgotBody = z.strictObject({ email: emailAddress })

export const resetBody = z.strictObject({
  token: z.string().min(1).max(200),
  new_password: password,
  token_delivery: tokenDelivery,
})
