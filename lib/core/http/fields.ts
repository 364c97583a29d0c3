/** Schemas of fields that several features use in their bodies. */
import { z } from 'zod'

/** `cookie` for browsers. `body` for native clients, which get no cookies. */
export const tokenDelivery = z.enum(['cookie', 'body']).default('cookie')
export type Delivery = z.output<typeof tokenDelivery>

/** The password policy has its own limits. This one limits the work for a hostile body. */
export const passwordText = z.string().min(1).max(1024)

/** A token from a mail, a cookie or an earlier answer. */
export const tokenText = z.string().min(1).max(200)

/** The device token from an earlier sign-in of a native client. Browsers have a cookie instead. */
export const deviceToken = z.string().max(200).optional()

/** The `:id` of a path. */
export const idInPath = z.strictObject({ id: z.uuid() })

/** A code from a mail or from an authenticator app. */
export const sixDigits = z.string().regex(/^\d{6}$/, 'must have six digits')

/** Text that a Postgres column can hold. Spaces around it are removed. */
export function plainText(maxCharacters: number) {
  return z
    .string()
    .refine((text) => !text.includes('\u0000') && text.isWellFormed(), 'must not contain NUL or lone surrogates')
    .trim()
    .min(1)
    .max(maxCharacters)
}
