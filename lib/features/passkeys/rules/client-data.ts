import { z } from 'zod'
import { Refusal } from './refusal.js'

const shape = z.object({
  type: z.string(),
  challenge: z.string().regex(/^[\w-]{22,1400}$/),
  origin: z.string(),
  crossOrigin: z.boolean().optional(),
  topOrigin: z.string().optional(),
})

/** Client data of a ceremony, written by the browser. */
export type ClientData = z.output<typeof shape>

/** @see WebAuthn level 3 section 5.8.1 */
export function readClientData(clientDataJSON: string): ClientData {
  let parsed: unknown
  try {
    parsed = JSON.parse(Buffer.from(clientDataJSON, 'base64url').toString('utf8'))
  } catch {
    throw new Refusal('the client data is not JSON')
  }
  const data = shape.safeParse(parsed)
  if (!data.success) throw new Refusal('the client data is incomplete')
  return data.data
}
