import { constantTimeEqual, hmacSha256 } from '../crypto/digest.js'
import type { KeyRing } from '../crypto/key-ring.js'
import { IdentSphereError } from './errors.js'

/**
 * CSRF tokens bound to the session: `<key version>.<HMAC over the session id>`. A token planted by a sibling subdomain,
 * or taken from another session, does not fit.
 *
 * @see OWASP Cross-Site Request Forgery Prevention, "Signed Double-Submit Cookie"
 */
export interface CsrfTokens {
  issue(sessionId: string): string
  matches(token: string | null, sessionId: string): boolean
}

export function createCsrfTokens(keys: KeyRing): CsrfTokens {
  return {
    issue(sessionId) {
      const { version, key } = keys.current('csrf')
      return `${version}.${hmacSha256(key, sessionId).toString('base64url')}`
    },
    matches(token, sessionId) {
      const [, version, mac] = /^(\d{1,9})\.([\w-]{43})$/.exec(token ?? '') ?? []
      if (version === undefined || mac === undefined) return false
      const key = keys.version('csrf', Number(version))
      return key !== null && constantTimeEqual(mac, hmacSha256(key, sessionId).toString('base64url'))
    },
  }
}

/** The CSRF token that came with a credential, or that none is asked for with this one. */
export type CsrfProof = { csrfToken: string | null } | 'not_needed'

/** @throws IdentSphereError `csrf_failed` */
export function assertCsrfProof(csrf: CsrfTokens, proof: CsrfProof, sessionId: string): void {
  if (proof !== 'not_needed' && !csrf.matches(proof.csrfToken, sessionId)) throw new IdentSphereError('csrf_failed')
}
