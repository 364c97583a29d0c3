import { z } from 'zod'

const text = (maxCharacters: number) => z.string().max(maxCharacters).optional()

const maxPreferencesBytes = 16 * 1024

export const profilePatch = z.strictObject({
  display_name: text(200),
  job_title: text(200),
  phone_number: text(50),
  bio: text(2000),
  preferences: z
    .record(z.string(), z.unknown())
    .refine((value) => Buffer.byteLength(JSON.stringify(value)) <= maxPreferencesBytes, 'must be at most 16 KiB')
    .optional(),
})

export const profile = z.strictObject({
  user_id: z.uuid(),
  email: z.string(),
  email_verified: z.boolean(),
  display_name: z.string().nullable(),
  job_title: z.string().nullable(),
  phone_number: z.string().nullable(),
  bio: z.string().nullable(),
  preferences: z.record(z.string(), z.unknown()),
  created_at: z.iso.datetime(),
  updated_at: z.iso.datetime(),
})
