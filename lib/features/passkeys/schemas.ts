import { z } from 'zod'
import { deviceToken, plainText, tokenDelivery, tokenText } from '../../core/http/fields.js'
import { issuedTokens } from '../sessions/schemas.js'
import { emailAddress } from '../users/email-address.js'
import { assertionResponse, registrationResponse } from './webauthn-response.js'

/** Options for `navigator.credentials`, as JSON. */
export const ceremony = z.strictObject({
  options: z.looseObject({ challenge: z.string() }),
  /** For native clients. Browsers have a cookie instead. */
  flow_token: z.string().optional(),
})

export const registerBody = z.strictObject({ response: registrationResponse, label: plainText(100).optional() })

export const labelBody = z.strictObject({ label: plainText(100) })

export const passkey = z.strictObject({
  id: z.uuid(),
  label: z.string().nullable(),
  /** Model of the authenticator, not verified. */
  aaguid: z.string(),
  transports: z.array(z.string()),
  /** Whether the passkey can be synced to other devices, and whether it is. */
  backup_eligible: z.boolean(),
  backed_up: z.boolean(),
  created_at: z.iso.datetime(),
  last_used_at: z.iso.datetime().nullable(),
})

/** With new tokens, because the old ones do not include the second factor of this session. */
export const registered = z.strictObject({ passkey, ...issuedTokens.shape })

export const passkeyList = z.strictObject({ passkeys: z.array(passkey) })

export const loginBeginBody = z.strictObject({ email: emailAddress.optional(), token_delivery: tokenDelivery })

const answer = {
  response: assertionResponse,
  flow_token: tokenText.optional(),
  token_delivery: tokenDelivery,
  device_token: deviceToken,
}

export const loginBody = z.strictObject(answer)

export const challengeBeginBody = z.strictObject({ mfa_token: tokenText, token_delivery: tokenDelivery })

export const challengeBody = z.strictObject({ mfa_token: tokenText, ...answer })

export const stepUpBody = z.strictObject({ response: assertionResponse })
