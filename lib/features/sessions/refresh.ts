import type { RequestContext } from '../../core/context.js'
import { hmacSha256 } from '../../core/crypto/digest.js'
import type { KeyRing } from '../../core/crypto/key-ring.js'
import { randomOctets } from '../../core/crypto/random.js'
import { IdentSphereError } from '../../core/errors.js'
import { type CsrfProof, type CsrfTokens, hasCsrfProof } from '../../core/http/csrf.js'
import type { Delivery } from '../../core/http/fields.js'
import type { Journal } from '../../core/journal/journal.js'
import type { Store } from '../../core/store/store.js'
import { actions } from './actions.js'
import type { IssuedTokens, TokenIssuer } from './issue.js'
import type { SessionSettings } from './options.js'
import { parseRefreshToken, type RefreshToken, refreshToken } from './refresh-token.js'
import { type RefreshRow, revokeSessions, rotateRefresh } from './repository.js'

/** A refresh token as a client presents it. */
export interface PresentedRefresh {
  token: string
  delivery: Delivery
  /** Not needed if the token came in the body, nor for the redirect of `resume`, which a browser sends as a navigation. */
  proof: CsrfProof
}

/** Bytes. As long as the HMAC key, so that a successor cannot be guessed from its predecessor. */
const saltBytes = 32

/** In the second one, what another call left is seen. */
const maxAttempts = 2

export function createRefresh(deps: {
  store: Store
  journal: Journal
  keys: KeyRing
  csrf: CsrfTokens
  issuer: TokenIssuer
  settings: Pick<SessionSettings, 'refreshTokenSeconds' | 'refreshGraceSeconds' | 'sessionIdleSeconds'>
}) {
  const { store, journal, keys, csrf, issuer, settings } = deps

  const limits = {
    longestLifeSeconds: settings.refreshTokenSeconds,
    idleSeconds: settings.sessionIdleSeconds ?? 0,
    graceSeconds: settings.refreshGraceSeconds,
  }

  /** The successor of a token: the same for all that present the same token, with the same salt. */
  function successorOf(presented: RefreshToken, keyVersion: number, salt: Buffer): RefreshToken {
    const { text, sessionId, generation } = presented
    const key = keys.version('refresh', keyVersion)
    // Another node already has a newer secret. That is no reuse: the retry belongs to a node that knows it.
    if (key === null) {
      throw new IdentSphereError('service_unavailable', { cause: new Error(`secrets lacks version ${keyVersion}`) })
    }
    return refreshToken(sessionId, generation + 1, hmacSha256(key, sessionId, String(generation), text, salt))
  }

  /** Presented again within the grace, and while the successor is unused, the token is a retry and gets the same successor. */
  function successorInGrace(presented: RefreshToken, row: RefreshRow): RefreshToken | null {
    const { successor_salt: salt, key_version: keyVersion } = row
    if (!row.in_grace || row.successor_used !== false || salt === null || keyVersion === null) return null
    return successorOf(presented, keyVersion, salt)
  }

  async function endForReuse(row: RefreshRow, context: RequestContext): Promise<void> {
    await store.transaction(async (tx) => {
      const ended = await revokeSessions(tx, row.user_id, { only: row.session_id }, 'refresh_reused')
      if (ended.length === 0) return
      await journal.record(tx, actions['auth.refresh.reused'], {
        actorId: null,
        subjectId: row.user_id,
        organizationId: row.organization_id,
        resource: { type: 'session', id: row.session_id },
        status: 'failure',
        data: { user_id: row.user_id },
        context,
      })
    })
  }

  /**
   * Rotates a refresh token (RFC 9700 section 4.14.2).
   *
   * @throws IdentSphereError `authentication_required` where it is unknown, expired, revoked or reused; `csrf_failed`
   */
  return async function refresh(
    { token, delivery, proof }: PresentedRefresh,
    context: RequestContext,
  ): Promise<IssuedTokens> {
    const denied = () => new IdentSphereError('authentication_required')
    const presented = parseRefreshToken(token)
    if (presented === null) throw denied()
    const isProven = hasCsrfProof(csrf, proof, presented.sessionId)
    const { version: keyVersion } = keys.current('refresh')
    const salt = randomOctets(saltBytes)
    const successor = successorOf(presented, keyVersion, salt)
    const stored = isProven ? { hash: successor.hash, keyVersion, salt } : null

    for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
      const row = await rotateRefresh(store, presented.hash, stored, limits)
      if (row === undefined) throw denied()
      if (!isProven) throw new IdentSphereError('csrf_failed')
      if (row.rotated) return issuer.issue(row, successor.text, delivery)
      if (row.used) {
        const again = successorInGrace(presented, row)
        if (again !== null) return issuer.issue(row, again.text, delivery)
        await endForReuse(row, context)
        throw denied()
      }
      // Another call was first, at this very moment. The next attempt reads what it left.
    }
    throw denied()
  }
}

export type Refresh = ReturnType<typeof createRefresh>
