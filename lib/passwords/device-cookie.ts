import { constantTimeEqual, hmacSha256 } from '../crypto/digest.js'
import type { KeyRing } from '../crypto/key-ring.js'
import { randomToken } from '../crypto/random.js'

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
    issue(userId) {
      const { version, key } = keys.current('device')
      const id = randomToken()
      return { token: `${version}.${id}.${hmacSha256(key, userId, id).toString('base64url')}`, maxAgeSeconds }
    },
    read(cookie, userId) {
      const [, version, id, mac] = /^(\d{1,9})\.([\w-]{43})\.([\w-]{43})$/.exec(cookie ?? '') ?? []
      if (version === undefined || id === undefined || mac === undefined) return null
      const key = keys.version('device', Number(version))
      const fits = key !== null && constantTimeEqual(mac, hmacSha256(key, userId, id).toString('base64url'))
      return fits ? id : null
    },
  }
}
