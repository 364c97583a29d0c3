import type { Reply } from '../http/route.js'
import { deviceCookieSeconds } from '../passwords/device-cookie.js'
import type { Passwords } from '../passwords/service.js'
import type { Delivery } from '../sessions/issue.js'
import type { Entered, SignIn } from './service.js'

/** The answer to a first factor: a session, or the question for a second one, without cookies. */
export async function answerSignIn(
  rooms: { signIn: SignIn; passwords: Passwords },
  entered: Entered,
  delivery: Delivery,
  deviceCookie: string | null,
  status = 200,
): Promise<Reply> {
  if (entered.kind === 'challenge') return { status: 200, body: { status: 'mfa_required', ...entered.challenge } }
  const { body, cookies: issued } = await rooms.signIn.succeed(entered, delivery)
  const trust = entered.trust?.next ?? null
  const cookies =
    trust === null
      ? issued
      : [...issued, { name: 'trust', value: trust.token, maxAgeSeconds: trust.maxAgeSeconds } as const]
  const device = rooms.passwords.deviceCookieFor(body.user.user_id, deviceCookie)
  if (device === null) return { status, body, cookies }
  if (delivery === 'body') return { status, body: { ...body, device_token: device }, cookies }
  const remembered = { name: 'device', value: device, maxAgeSeconds: deviceCookieSeconds } as const
  return { status, body, cookies: [...cookies, remembered] }
}
