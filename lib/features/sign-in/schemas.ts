import { z } from 'zod'
import { issuedTokens, sessionDescription } from '../sessions/schemas.js'
import type { ReauthenticationMethod } from './extension-points.js'

export const signInSuccess = z.strictObject({
  status: z.literal('success'),
  ...sessionDescription.shape,
  ...issuedTokens.shape,
  device_token: z.string().optional(),
})

export const mfaChallenge = z.strictObject({
  status: z.literal('mfa_required'),
  mfa_token: z.string(),
  mfa_token_expires_in: z.int(),
  methods: z.array(z.string()),
})

/** Exactly one proof, and an optional purpose. The first enrollment of a factor needs a purpose. */
export function reauthenticateBody(
  methods: ReadonlyArray<ReauthenticationMethod<never>>,
  purposes: readonly string[],
): z.ZodType<Readonly<Record<string, unknown>> & { purpose?: string | undefined }> {
  const fields = methods.map(({ field }) => field)
  const proofs = Object.fromEntries(methods.map(({ field, schema }) => [field, (schema as z.ZodType).optional()]))
  return z
    .strictObject({ ...proofs, purpose: z.enum(purposes as [string, ...string[]]).optional() })
    .refine(
      (body) => fields.filter((field) => (body as Record<string, unknown>)[field] !== undefined).length === 1,
      `must have exactly one of ${fields.join(', ')}`,
    ) as never
}

export const reauthenticated = z.strictObject({ auth_time: z.iso.datetime(), ...issuedTokens.shape })
