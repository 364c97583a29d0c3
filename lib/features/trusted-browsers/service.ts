import type { Auth } from '../../core/auth.js'
import type { RequestContext } from '../../core/context.js'
import { uuidv7 } from '../../core/crypto/random.js'
import { IdentSphereError } from '../../core/errors.js'
import type { Journal } from '../../core/journal/journal.js'
import type { Store, Tx } from '../../core/store/store.js'
import type { Proven, Trust } from '../sign-in/service.js'
import {
  carryBrowser,
  insertBrowser,
  listBrowsers,
  revokeBrowser,
  revokeOldest,
  rotate,
  type TrustedBrowserRow,
  wasJustRotated,
} from './repository.js'
import type { TrustTokens } from './token.js'

/** Seconds. Absolute: use does not extend it. */
export const trustSeconds = 30 * 86_400

/** Seconds since the second factor was shown within which a browser may be trusted. */
const rightAfter = 300

/** Seconds in which the token before the present one is still taken: two tabs may sign in at once. */
const grace = 10

/** Live ones of one user. One more ends the oldest. */
const most = 20

/**
 * Browsers in which signing in does not ask for the second factor. The trust begins right after a second factor, ends with
 * any change of credentials, and counts for nothing else: no session gets a second factor from it.
 */
export function createTrustedBrowsers(options: {
  store: Store
  journal: Journal
  tokens: TrustTokens
  /** Throws `mfa_required` where the session showed no second factor within so many seconds. */
  assertRecentMfa: (auth: Auth, seconds: number) => Promise<void>
}) {
  const { store, journal, tokens, assertRecentMfa } = options

  const recordRevoked = (tx: Tx, userId: string, id: string, reason: string, context: RequestContext) =>
    journal.record(tx, 'auth.trusted_browser.revoked', {
      actorId: userId,
      resource: { type: 'trusted_browser', id },
      data: { reason },
      context,
    })

  return {
    /**
     * Trusts the browser of this session.
     *
     * @param present the token that the browser has already: that trust ends
     * @returns the browser's id and its token
     * @throws IdentSphereError `mfa_required` unless a second factor was shown in the last 5 minutes, `forbidden` for
     * native clients and for who acts as somebody else, `authentication_required` where the session has just ended
     */
    async trust(
      auth: Auth,
      label: string | null,
      present: string | null,
      context: RequestContext,
    ): Promise<{ id: string; token: string }> {
      if (auth.delivery !== 'cookie' || auth.impersonatorId !== null) throw new IdentSphereError('forbidden')
      await assertRecentMfa(auth, rightAfter)
      const id = uuidv7()
      const replaced = tokens.read(present)
      await store.transaction(async (tx) => {
        if (replaced !== null && (await revokeBrowser(tx, auth.userId, replaced.id))) {
          await recordRevoked(tx, auth.userId, replaced.id, 'replaced', context)
        }
        const { ipAddress, userAgent } = context
        const browser = { id, sessionId: auth.sessionId, label, ipAddress, userAgent, lifetimeSeconds: trustSeconds }
        if (!(await insertBrowser(tx, browser))) throw new IdentSphereError('authentication_required')
        await revokeOldest(tx, auth.userId, most)
        await journal.record(tx, 'auth.trusted_browser.added', {
          actorId: auth.userId,
          organizationId: auth.organizationId,
          resource: { type: 'trusted_browser', id },
          context,
        })
      })
      return { id, token: tokens.issue({ id, generation: 0 }) }
    },

    /**
     * Whether a proven first factor comes from a browser that its user trusts. Rotates the token. One that was rotated
     * longer ago than the grace is a copy: the trust ends.
     *
     * @returns what the browser keeps from now on, or null where the second factor is to be asked for
     */
    async recognise(tx: Tx, proven: Proven): Promise<Trust | null> {
      const claim = tokens.read(proven.trustToken ?? null)
      if (claim === null) return null
      const { userId, securityVersion } = proven
      const browser = { ...claim, userId, securityVersion }
      const seconds = await rotate(tx, browser)
      if (seconds !== undefined) {
        const token = tokens.issue({ id: claim.id, generation: claim.generation + 1 })
        return { browserId: claim.id, next: { token, maxAgeSeconds: Math.max(1, seconds) } }
      }
      if (await wasJustRotated(tx, browser, grace)) return { browserId: claim.id, next: null }
      if (await revokeBrowser(tx, userId, claim.id)) await recordRevoked(tx, userId, claim.id, 'reused', proven.context)
      return null
    },

    async list(auth: Auth, present: string | null): Promise<Array<TrustedBrowserRow & { current: boolean }>> {
      const current = tokens.read(present)?.id
      const rows = await listBrowsers(store, auth.userId)
      return rows.map((row) => ({ ...row, current: row.id === current }))
    },

    /** The browser of this session stays trusted where its user's own act moved the security version on from `from`. */
    carry: (tx: Tx, sessionId: string, from: number): Promise<void> => carryBrowser(tx, sessionId, from),

    /** @throws IdentSphereError `not_found` also for those of others */
    async revoke(auth: Auth, id: string, context: RequestContext): Promise<void> {
      await store.transaction(async (tx) => {
        if (!(await revokeBrowser(tx, auth.userId, id))) throw new IdentSphereError('not_found')
        await recordRevoked(tx, auth.userId, id, 'revoked', context)
      })
    },
  }
}

export type TrustedBrowsers = ReturnType<typeof createTrustedBrowsers>
