import type { IncomingMessage } from 'node:http'
import type { KeyRing } from '../crypto/key-ring.js'
import { issueMacToken, readMacToken } from '../crypto/mac-token.js'
import { IdentSphereError } from '../errors.js'
import { header } from './request-context.js'

/**
 * CSRF tokens bound to the session: `<key version>.<HMAC over the session id>`. A token of another session does not match, even
 * if a sibling subdomain has set it as a cookie.
 *
 * @see OWASP Cross-Site Request Forgery Prevention, "Signed Double-Submit Cookie"
 */
export interface CsrfTokens {
  issue(sessionId: string): string
  matches(token: string | null, sessionId: string): boolean
}

export function createCsrfTokens(keys: KeyRing): CsrfTokens {
  return {
    issue: (sessionId) => issueMacToken(keys, 'csrf', [sessionId]),
    matches: (token, sessionId) => readMacToken(keys, 'csrf', [sessionId], token) !== null,
  }
}

/** The CSRF token that was sent with a credential, or `not_needed` for a credential that browsers do not send by themselves. */
export type CsrfProof = { csrfToken: string | null } | 'not_needed'

/** Whether the proof is one of this session, or none is needed. */
export function hasCsrfProof(csrf: CsrfTokens, proof: CsrfProof, sessionId: string): boolean {
  return proof === 'not_needed' || csrf.matches(proof.csrfToken, sessionId)
}

/** @throws IdentSphereError `csrf_failed` */
export function assertCsrfProof(csrf: CsrfTokens, proof: CsrfProof, sessionId: string): void {
  if (!hasCsrfProof(csrf, proof, sessionId)) throw new IdentSphereError('csrf_failed')
}

/** Reads the token from `X-IdentSphere-CSRF`, `X-CSRF-Token`, or the field `_csrf` of a form that the host has parsed. */
export function csrfTokenOf(request: IncomingMessage): string | null {
  const sent = header(request, 'x-identsphere-csrf') ?? header(request, 'x-csrf-token')
  if (sent !== null) return sent
  const body = (request as { body?: unknown }).body
  const field = typeof body === 'object' && body !== null ? (body as { _csrf?: unknown })._csrf : undefined
  return typeof field === 'string' ? field : null
}
