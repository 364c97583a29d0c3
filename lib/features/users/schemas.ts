import { z } from 'zod'
import { type Delivery, passwordText, tokenDelivery } from '../../core/http/fields.js'
import { organizationSlug } from '../organizations/schemas.js'
import { longestOrganizationName } from '../organizations/service.js'
import type { Registration } from '../registration/service.js'
import { emailAddress } from './email-address.js'

const organizationName = z.string().trim().min(1).max(longestOrganizationName)

/** Body of `POST /v1/auth/register`; the organisation's fields depend on `registration.organization`. */
export function registerBody(
  organization: 'required' | 'personal' | 'none',
  withFields: boolean,
): z.ZodType<Registration & { token_delivery: Delivery }> {
  return z.strictObject({
    email: emailAddress,
    password: passwordText,
    display_name: z.string().trim().max(200).optional(),
    ...(organization === 'required' ? { organization_name: organizationName } : {}),
    ...(organization === 'none' ? {} : { organization_slug: organizationSlug.optional() }),
    ...(withFields ? { fields: z.unknown().optional() } : {}),
    token_delivery: tokenDelivery,
  }) as never
}

/** With `verification: 'first'`: the same for new and for taken addresses. */
export const registrationKept = z.strictObject({ status: z.literal('verification_required') })

const text = (longest: number) => z.string().max(longest).optional()

/** Bytes of JSON. */
const largestPreferences = 16 * 1024

export const profilePatch = z.strictObject({
  display_name: text(200),
  job_title: text(200),
  phone_number: text(50),
  bio: text(2000),
  preferences: z
    .record(z.string(), z.unknown())
    .refine((value) => Buffer.byteLength(JSON.stringify(value)) <= largestPreferences, 'is larger than 16 KiB')
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
