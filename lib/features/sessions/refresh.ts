import type { RequestContext } from '../../core/context.js'
import { hmacSha256, sha256 } from '../../core/crypto/digest.js'
import type { KeyRing } from '../../core/crypto/key-ring.js'
import { randomOctets } from '../../core/crypto/random.js'
import { IdentSphereError } from '../../core/errors.js'
import { assertCsrfProof, type CsrfProof, type CsrfTokens } from '../../core/http/csrf.js'
import type { Delivery } from '../../core/http/fields.js'
import type { Journal } from '../../core/journal/journal.js'
import type { Store } from '../../core/store/store.js'
import { actions } from './actions.js'
import type { IssuedTokens, TokenIssuer } from './issue.js'
import type { SessionSettings } from './options.js'
import { findRefresh, type RefreshRow, revokeSessions, rotateRefresh } from './repository.js'
import type { SessionForTokens } from './session-facts.js'

/** A refresh token as a client presents it. */
export interface PresentedRefresh {
  token: string
  delivery: Delivery
  /** Not needed if the token came in the body, nor for the redirect of `resume`, which a browser sends as a navigation. */
  proof: CsrfProof
}

const tokenPattern = /^[\w-]{43}$/

/** Bytes. As long as the HMAC key, so that a successor cannot be guessed from its predecessor. */
const saltBytes = 32

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

  /** The successor of a token: the same for everyone who presents the same token with the same salt. */
  function successorOf(row: RefreshRow, presented: string, keyVersion: number, salt: Buffer): string {
    const key = keys.version('refresh', keyVersion)
    // Another node already has a newer secret. That is no reuse: the retry belongs to a node that knows it.
    if (key === null) {
      throw new IdentSphereError('service_unavailable', { cause: new Error(`secrets lacks version ${keyVersion}`) })
    }
    return hmacSha256(key, row.session_id, String(row.generation), presented, salt).toString('base64url')
  }

  async function rotate(row: RefreshRow, presented: string): Promise<string | null> {
    const { version: keyVersion } = keys.current('refresh')
    const salt = randomOctets(saltBytes)
    const successor = successorOf(row, presented, keyVersion, salt)
    const won = await rotateRefresh(
      store,
      { sessionId: row.session_id, generation: row.generation },
      { hash: sha256(successor), keyVersion, salt },
    )
    return won ? successor : null
  }

  /** Presented again: within the grace, and while the successor is unused, it is a retry and gets the same successor. */
  function successorInGrace(row: RefreshRow, presented: string): string | null {
    const { successor_salt: salt, key_version: keyVersion } = row
    if (!row.in_grace || row.successor_used !== false || salt === null || keyVersion === null) return null
    return successorOf(row, presented, keyVersion, salt)
  }

  async function endForReuse(row: RefreshRow & SessionForTokens, context: RequestContext): Promise<void> {
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
  return async function refresh(presented: PresentedRefresh, context: RequestContext): Promise<IssuedTokens> {
    const denied = () => new IdentSphereError('authentication_required')
    if (!tokenPattern.test(presented.token)) throw denied()
    const hash = sha256(presented.token)
    let row = await findRefresh(store, hash, limits)
    if (row === undefined) throw denied()
    assertCsrfProof(csrf, presented.proof, row.session_id)
    let successor = row.used ? null : await rotate(row, presented.token)
    if (successor === null) {
      // Somebody was first, just now or long ago: read again what they left.
      row = await findRefresh(store, hash, limits)
      if (row === undefined) throw denied()
      successor = successorInGrace(row, presented.token)
      if (successor === null) {
        await endForReuse(row, context)
        throw denied()
      }
    }
    return issuer.issue(row, successor, presented.delivery)
  }
}

export type Refresh = ReturnType<typeof createRefresh>
