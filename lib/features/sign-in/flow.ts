import { randomToken } from '../../core/crypto/random.js'
import type { CookieChange } from '../../core/http/cookies.js'

/** Lifetime of the flow cookie: that of the longest-lived code or challenge. */
const flowSeconds = 600

const tokenPattern = /^[\w-]{43}$/

/** The token that binds a sign-in to the browser that began it. A browser keeps its token, so parallel sign-ins all work. */
export function flowToken(present: string | null): string {
  return present !== null && tokenPattern.test(present) ? present : randomToken()
}

export function flowCookie(value: string): CookieChange {
  return { name: 'flow', value, maxAgeSeconds: flowSeconds }
}
