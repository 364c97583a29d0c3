import { z } from 'zod'
import { passwordText, tokenDelivery, tokenText } from '../../core/http/fields.js'
import { emailAddress } from '../users/email-address.js'

export const forgotBody = z.strictObject({ email: emailAddress })

export const resetBody = z.strictObject({
  token: tokenText,
  new_password: passwordText,
  token_delivery: tokenDelivery,
})
