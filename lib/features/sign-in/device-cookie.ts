import type { KeyRing } from '../../core/crypto/key-ring.js'
import { issueMacToken, readMacToken } from '../../core/crypto/mac-token.js'
import { randomToken } from '../../core/crypto/random.js'

/** Seconds. */
const maxAgeSeconds = 365 * 86_400

/** What a browser or a native client keeps. */
export interface DeviceToken {
  token: string
  maxAgeSeconds: number
}

/**
 * "This browser has signed in to this account before": `<key version>.<random id>.<HMAC over user and id>`. It grants
 * nothing but a password budget of its own.
 *
 * @see OWASP "Slow Down Online Guessing Attacks with Device Cookies"
 */
export interface DeviceCookies {
  issue(userId: string): DeviceToken
  /** The random id, or null where the cookie is not of this user. */
  read(cookie: string | null, userId: string): string | null
}

export function createDeviceCookies(keys: KeyRing): DeviceCookies {
  return {
    issue: (userId) => ({ token: issueMacToken(keys, 'device', [userId], [randomToken()]), maxAgeSeconds }),
    read(cookie, userId) {
      const [id = null] = readMacToken(keys, 'device', [userId], cookie) ?? []
      return id
    },
  }
}
