/** Shapes of fields that the bodies of several rooms share. */
import { z } from 'zod'

/** How a client wants its tokens: browsers in cookies, native clients in the body of the answer and without cookies. */
export const tokenDelivery = z.enum(['cookie', 'body']).default('cookie')
export type Delivery = z.output<typeof tokenDelivery>

/** Characters are counted by the password policy; this only bounds the work. */
export const passwordText = z.string().min(1).max(1024)

/** What a mail, a cookie or an earlier answer gave to the client. */
export const tokenText = z.string().min(1).max(200)

/** What an earlier sign-in of this native client answered; browsers have a cookie instead. */
export const deviceToken = z.string().max(200).optional()

/** The `:id` of a path. */
export const idInPath = z.strictObject({ id: z.uuid() })

/** From a mail, or from an authenticator app. */
export const sixDigits = z.string().regex(/^\d{6}$/, 'has six digits')

/** Text that a column can hold, without spaces around it. */
export function plainText(longest: number) {
  return z
    .string()
    .refine((text) => !text.includes('\u0000') && text.isWellFormed(), 'may not hold NUL or lone surrogates')
    .trim()
    .min(1)
    .max(longest)
}
