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
  /** A new token for a client that has just signed in, or null if the one that it has is good. */
  renew(userId: string, present: string | null): DeviceToken | null
  /** The random id, or null if the cookie is not of this user. */
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
