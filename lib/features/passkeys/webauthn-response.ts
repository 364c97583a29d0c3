import { z } from 'zod'

const base64url = (maxCharacters: number) =>
  z
    .string()
    .regex(/^[\w-]+$/, 'must be base64url')
    .max(maxCharacters)
const credentialId = base64url(1364)
const transport = z.string().max(32)

/** Transports of WebAuthn level 3 section 5.8.4. Other values are dropped. */
const transports = new Set(['ble', 'hybrid', 'internal', 'nfc', 'smart-card', 'usb'])

function response<Part extends z.ZodRawShape>(part: Part) {
  return z
    .object({
      id: credentialId,
      rawId: credentialId,
      type: z.literal('public-key'),
      response: z.object({ clientDataJSON: base64url(8192), ...part }),
    })
    .refine(({ id, rawId }) => id === rawId, { path: ['rawId'], message: 'must be equal to id' })
}

/**
 * `credential.toJSON()` of a browser, for a new passkey. Additional members of browsers are ignored.
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

/** `credential.toJSON()` of a browser, for a sign-in or step-up. */
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
