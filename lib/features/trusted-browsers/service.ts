import type { Auth } from '../../core/auth.js'
import type { RequestContext } from '../../core/context.js'
import { uuidv7 } from '../../core/crypto/random.js'
import { IdentSphereError } from '../../core/errors.js'
import { factsOf, factsOfUser } from '../../core/journal/facts.js'
import type { Journal, JournalFacts } from '../../core/journal/journal.js'
import type { Store, Tx } from '../../core/store/store.js'
import type { Mfa } from '../mfa/feature.js'
import type { Sessions } from '../sessions/service.js'
import type { ChallengeExemption } from '../sign-in/extension-points.js'
import type { FirstFactor } from '../sign-in/first-factor.js'
import type { SecurityChange } from '../users/security-change.js'
import { actions } from './actions.js'
import {
  insertBrowser,
  keepBrowser,
  listBrowsers,
  revokeBrowser,
  revokeOldest,
  rotate,
  type TrustedBrowserRow,
  wasJustRotated,
} from './repository.js'
import type { TrustTokens } from './token.js'

/** Lifetime of the trust. Use does not extend it. */
export const trustSeconds = 30 * 86_400

/** A browser can be trusted for so long after a second factor. */
const maxMfaAgeSeconds = 300

/** The previous token is accepted for so long, because two tabs may sign in at the same time. */
const rotationGraceSeconds = 10

/** Trusted browsers per user. Trusting another one revokes the oldest. */
const maxTrustedBrowsers = 20

/**
 * Browsers in which a sign-in needs no second factor. The trust requires a second factor shortly before. Any change of
 * credentials ends it. Such a sign-in does not count as MFA.
 */
export function createTrustedBrowsers(deps: {
  store: Store
  journal: Journal
  tokens: TrustTokens
  sessions: Pick<Sessions, 'trustBrowser'>
  mfa: Pick<Mfa, 'assertRecentMfa'>
}) {
  const { store, journal, tokens, sessions, mfa } = deps

  const recordRevoked = (tx: Tx, facts: JournalFacts, id: string, reason: string) =>
    journal.record(tx, actions['auth.trusted_browser.revoked'], {
      ...facts,
      resource: { type: 'trusted_browser', id },
      data: { reason },
    })

  return {
    /**
     * Trusts the browser of this session.
     *
     * @param present the browser's current token. Its trust ends.
     * @returns the browser's id and its token
     * @throws IdentSphereError `mfa_required` without a second factor in the last 5 minutes, `forbidden` for native clients and
     * impersonated sessions, `authentication_required` if the session has ended
     */
    async trust(
      auth: Auth,
      label: string | null,
      present: string | null,
      context: RequestContext,
    ): Promise<{ id: string; token: string }> {
      if (auth.delivery !== 'cookie' || auth.impersonatorId !== null) throw new IdentSphereError('forbidden')
      await mfa.assertRecentMfa(auth, maxMfaAgeSeconds)
      const id = uuidv7()
      const replaced = tokens.read(present)
      await store.transaction(async (tx) => {
        const facts = factsOf(auth, context)
        if (replaced !== null && (await revokeBrowser(tx, auth.userId, replaced.id))) {
          await recordRevoked(tx, facts, replaced.id, 'replaced')
        }
        await revokeOldest(tx, auth.userId, maxTrustedBrowsers - 1)
        const session = await sessions.trustBrowser(tx, auth.sessionId, id)
        const { ipAddress, userAgent } = context
        await insertBrowser(tx, { id, ...session, label, ipAddress, userAgent, lifetimeSeconds: trustSeconds })
        const resource = { type: 'trusted_browser', id }
        await journal.record(tx, actions['auth.trusted_browser.added'], { ...facts, resource })
      })
      return { id, token: tokens.issue({ id, generation: 0 }) }
    },

    /**
     * Exempts a sign-in from a trusted browser, and rotates the token. A token that was rotated longer ago than the grace is a copy: the
     * trust ends.
     *
     * @returns null if the second factor is to be asked for
     */
    async recognize(tx: Tx, firstFactor: FirstFactor): Promise<ChallengeExemption | null> {
      const claim = tokens.read(firstFactor.trustToken ?? null)
      if (claim === null) return null
      const { userId, securityVersion, context } = firstFactor
      const browser = { ...claim, userId, securityVersion }
      const seconds = await rotate(tx, browser)
      if (seconds !== undefined) {
        const value = tokens.issue({ id: claim.id, generation: claim.generation + 1 })
        return { browserId: claim.id, cookie: { name: 'trust', value, maxAgeSeconds: Math.max(1, seconds) } }
      }
      if (await wasJustRotated(tx, browser, rotationGraceSeconds)) return { browserId: claim.id, cookie: null }
      if (await revokeBrowser(tx, userId, claim.id)) {
        await recordRevoked(tx, factsOfUser(userId, context), claim.id, 'reused')
      }
      return null
    },

    async list(auth: Auth, present: string | null): Promise<Array<TrustedBrowserRow & { current: boolean }>> {
      const current = tokens.read(present)?.id
      const rows = await listBrowsers(store, auth.userId)
      return rows.map((row) => ({ ...row, current: row.id === current }))
    },

    /** @throws IdentSphereError `not_found`, also for browsers of other users */
    async revoke(auth: Auth, id: string, context: RequestContext): Promise<void> {
      await store.transaction(async (tx) => {
        if (!(await revokeBrowser(tx, auth.userId, id))) throw new IdentSphereError('not_found')
        await recordRevoked(tx, factsOf(auth, context), id, 'revoked')
      })
    },

    /** The new security version ends all trust. The browser of this session follows it if the change says so. */
    async onSecurityChange(tx: Tx, { consequences, session, from }: SecurityChange): Promise<void> {
      if (consequences.trust === 'thisBrowser' && session !== null) await keepBrowser(tx, session.sessionId, from)
    },
  }
}

export type TrustedBrowsers = ReturnType<typeof createTrustedBrowsers>
