import type { KeyRing } from '../../core/crypto/key-ring.js'
import { issueMacToken, readMacToken } from '../../core/crypto/mac-token.js'
import { randomToken } from '../../core/crypto/random.js'

const maxAgeSeconds = 365 * 86_400

/** The token for a browser or a native client. */
export interface DeviceToken {
  token: string
  maxAgeSeconds: number
}

/**
 * Marks a browser that has signed in to an account before: `<key version>.<random id>.<HMAC over user and id>`. The browser then
 * has its own password budget, and no other rights.
 *
 * @see OWASP "Slow Down Online Guessing Attacks with Device Cookies"
 */
export interface DeviceCookies {
  issue(userId: string): DeviceToken
  /** A new token after a sign-in, or null if the current token is valid. */
  renew(userId: string, present: string | null): DeviceToken | null
  /** The random id, or null if the cookie is not valid for this user. */
  read(cookie: string | null, userId: string): string | null
}

export function createDeviceCookies(keys: KeyRing): DeviceCookies {
  function issue(userId: string): DeviceToken {
    return { token: issueMacToken(keys, 'device', [userId], [randomToken()]), maxAgeSeconds }
  }

  function read(cookie: string | null, userId: string): string | null {
    const [id = null] = readMacToken(keys, 'device', [userId], cookie) ?? []
    return id
  }

  return {
    issue,
    read,
    renew: (userId, present) => (read(present, userId) === null ? issue(userId) : null),
  }
}
