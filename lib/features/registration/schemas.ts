import { z } from 'zod'
import { type Delivery, passwordText, tokenDelivery } from '../../core/http/fields.js'
import { organizationSlug } from '../organizations/schemas.js'
import { longestOrganizationName } from '../organizations/service.js'
import { emailAddress } from '../users/email-address.js'
import type { RegistrationSettings } from './options.js'
import type { RegistrationBody } from './service.js'

const organizationName = z.string().trim().min(1).max(longestOrganizationName)

/** Body of `POST /v1/auth/register`. The organization's fields depend on `registration.organization`. */
export function registerBody({
  organization,
  fields,
}: Pick<RegistrationSettings, 'organization' | 'fields'>): z.ZodType<RegistrationBody & { token_delivery: Delivery }> {
  return z.strictObject({
    email: emailAddress,
    password: passwordText,
    display_name: z.string().trim().max(200).optional(),
    ...(organization === 'required' ? { organization_name: organizationName } : {}),
    ...(organization === 'none' ? {} : { organization_slug: organizationSlug.optional() }),
    ...(fields === null ? {} : { fields: z.unknown().optional() }),
    token_delivery: tokenDelivery,
  }) as never
}

/** With `verification: 'first'`: the same answer for new and existing addresses. */
export const registrationKept = z.strictObject({ status: z.literal('verification_required') })
