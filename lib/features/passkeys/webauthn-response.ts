import { z } from 'zod'

const base64url = (longest: number) =>
  z
    .string()
    .regex(/^[\w-]+$/, 'must be base64url')
    .max(longest)
const credentialId = base64url(1364)
const transport = z.string().max(32)

/** How authenticators can be reached (WebAuthn level 3 section 5.8.4). Others are not kept. */
const transports = new Set(['ble', 'hybrid', 'internal', 'nfc', 'smart-card', 'usb'])

function response<Part extends z.ZodRawShape>(part: Part) {
  return z
    .object({
      id: credentialId,
      rawId: credentialId,
      type: z.literal('public-key'),
      response: z.object({ clientDataJSON: base64url(8192), ...part }),
    })
    .refine(({ id, rawId }) => id === rawId, { path: ['rawId'], message: 'must be the id' })
}

/**
 * `credential.toJSON()` of a browser, for a new passkey. Browsers add members of their own, which are not looked at.
 *
 * @see WebAuthn level 3 section 5.1.8
 */
export const registrationResponse = response({
  attestationObject: base64url(32_768),
  transports: z
    .array(transport)
    .max(16)
    .transform((names) => names.filter((name) => transports.has(name)))
    .optional(),
})

/** The same, of a passkey that was used. */
export const assertionResponse = response({
  authenticatorData: base64url(8192),
  signature: base64url(8192),
  userHandle: base64url(128)
    .nullish()
    .transform((handle) => handle ?? undefined)
    .optional(),
})

export type RegistrationResponse = z.output<typeof registrationResponse>
export type AssertionResponse = z.output<typeof assertionResponse>
