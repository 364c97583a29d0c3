import type { CookieChange, CookieName } from '../../core/http/cookies.js'
import type { Delivery } from '../../core/http/fields.js'
import type { Reply } from '../../core/http/route.js'
import type { Passwords } from '../passwords/service.js'
import type { Entered, SignIn } from './service.js'

/** The answer to a first factor: a session, or the question for a second one, without cookies. */
export async function answerSignIn(
  rooms: { signIn: SignIn; passwords: Passwords },
  entered: Entered,
  delivery: Delivery,
  presentDevice: string | null,
  status = 200,
): Promise<Reply> {
  if (entered.kind === 'challenge') return { status: 200, body: { status: 'mfa_required', ...entered.challenge } }
  const { body, cookies } = await rooms.signIn.succeed(entered, delivery)
  const device = rooms.passwords.deviceTokenFor(body.user.user_id, presentDevice)
  const kept = [...cookies, ...cookieOf('trust', entered.trust?.next ?? null)]
  if (delivery === 'cookie') return { status, body, cookies: [...kept, ...cookieOf('device', device)] }
  return { status, body: { ...body, ...(device && { device_token: device.token }) }, cookies: kept }
}

function cookieOf(name: CookieName, kept: { token: string; maxAgeSeconds: number } | null): CookieChange[] {
  return kept === null ? [] : [{ name, value: kept.token, maxAgeSeconds: kept.maxAgeSeconds }]
}
