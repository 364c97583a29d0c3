import { z } from 'zod'
import { deviceToken, passwordText, tokenDelivery } from '../../core/http/fields.js'
import { emailAddress } from '../users/email-address.js'

export const loginBody = z.strictObject({
  email: emailAddress,
  password: passwordText,
  token_delivery: tokenDelivery,
  device_token: deviceToken,
})

export const changeBody = z.strictObject({
  current_password: passwordText,
  new_password: passwordText,
  sign_out_other_sessions: z.boolean().default(true),
})
