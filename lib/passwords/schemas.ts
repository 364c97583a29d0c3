import { z } from 'zod'

const password = z.string().min(1).max(1024)

export const changeBody = z.strictObject({
  current_password: password,
  new_password: password,
  sign_out_other_sessions: z.boolean().default(true),
})
