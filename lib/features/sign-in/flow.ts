import { randomToken } from '../../core/crypto/random.js'
import type { CookieChange } from '../../core/http/cookies.js'

/** Seconds for which a browser is known by its flow cookie, at least: as long as the longest-lived code or challenge. */
const flowSeconds = 600

const wellFormed = /^[\w-]{43}$/

/** The token that ties a sign-in to the browser that began it. One browser keeps one, so that flows side by side all go on. */
export function flowToken(present: string | null): string {
  return present !== null && wellFormed.test(present) ? present : randomToken()
}

export function flowCookie(value: string): CookieChange {
  return { name: 'flow', value, maxAgeSeconds: flowSeconds }
}
