import { z } from 'zod'

export const trustBody = z.strictObject({
  /** Name in the list, e.g. `Laptop`. */
  label: z.string().trim().min(1).max(100).optional(),
})

export const trusted = z.strictObject({ id: z.uuid(), expires_in: z.int() })

export const browserList = z.strictObject({
  trusted_browsers: z.array(
    z.strictObject({
      id: z.uuid(),
      label: z.string().nullable(),
      ip_address: z.string().nullable(),
      user_agent: z.string().nullable(),
      created_at: z.iso.datetime(),
      last_used_at: z.iso.datetime(),
      expires_at: z.iso.datetime(),
      current: z.boolean(),
    }),
  ),
})
