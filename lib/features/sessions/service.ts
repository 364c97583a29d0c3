import type { Auth } from '../../core/auth.js'
import type { RequestContext } from '../../core/context.js'
import { sha256 } from '../../core/crypto/digest.js'
import { uuidv7 } from '../../core/crypto/random.js'
import { IdentSphereError } from '../../core/errors.js'
import { assertCsrfProof, type CsrfProof, type CsrfTokens } from '../../core/http/csrf.js'
import type { Journal } from '../../core/journal/journal.js'
import type { Executor, Store, Tx } from '../../core/store/store.js'
import type { Verified } from '../tokens/verified-tokens.js'
import type { SecurityCause, SecurityChange } from '../users/security-change.js'
import type { Users } from '../users/service.js'
import { actions } from './actions.js'
import type { LiveSession, SessionCheck } from './check.js'
import type { IssuedTokens, TokenIssuer } from './issue.js'
import type { SessionSettings } from './options.js'
import { firstRefreshToken } from './refresh-token.js'
import {
  beganWithRecovery,
  findSessionOfToken,
  forgetSecondFactors,
  insertSession,
  isUnchanged,
  keepSecurityVersion,
  listSessions,
  renewAuthTime,
  revokeSession,
  revokeSessions,
  type SessionRow,
  showSecondFactor,
  spendAuthPurpose,
  trustBrowser,
} from './repository.js'
import type { SessionFacts } from './session-facts.js'

/** Input for creating a session. */
export interface SessionInput {
  userId: string
  organizationId: string | null
  authMethod: string
  amr: readonly string[]
  securityVersion: number
  /** Seconds since a second factor was used. Undefined if none was used. */
  mfaAgeSeconds?: number
  /** The trusted browser of the sign-in. */
  trustedBrowserId?: string
  context: RequestContext
}

/** Another session ends the oldest one, so that listing and ending all sessions stays cheap. */
const maxSessionsPerUser = 100

/** `revoke_reason` of sessions that a security change ends. */
const reasons: Readonly<Record<SecurityCause, string>> = {
  passwordChanged: 'credentials_changed',
  passwordReset: 'password_reset',
  factorAdded: 'credentials_changed',
  factorReplaced: 'credentials_changed',
  factorRemoved: 'credentials_changed',
  factorsRemovedByHost: 'second_factors_removed',
  emailChanged: 'email_changed',
  accountClaimed: 'taken_over',
  changesReverted: 'changes_undone',
  disabled: 'user_disabled',
  enabled: 'user_disabled',
  signedOutOthers: 'revoked_others',
  signedOutEverywhere: 'revoked_by_host',
  erased: 'user_erased',
}

export function createSessions(deps: {
  store: Store
  journal: Journal
  check: SessionCheck
  csrf: CsrfTokens
  issuer: TokenIssuer
  users: Pick<Users, 'changeSecurity'>
  settings: Pick<SessionSettings, 'refreshTokenSeconds' | 'sessionIdleSeconds'>
}) {
  const { store, journal, check, csrf, issuer, users, settings } = deps

  /** @param by the user's session that ended them, or the host */
  async function recordEnded(
    tx: Tx,
    userId: string,
    by: Pick<Auth, 'organizationId' | 'impersonatorId'> | 'host',
    sessionIds: readonly string[],
    reason: string,
    context: RequestContext,
  ): Promise<void> {
    const actor =
      by === 'host'
        ? { actorId: null, subjectId: userId }
        : { actorId: userId, impersonatorId: by.impersonatorId, organizationId: by.organizationId }
    for (const id of sessionIds) {
      await journal.record(tx, actions['sessions.revoked'], {
        ...actor,
        resource: { type: 'session', id },
        data: { reason, user_id: userId },
        context,
      })
    }
  }

  /** The live session of an access token. Undefined if it has ended, or if the token's key was revoked. */
  async function findSessionOfAccessToken({ claims, kid }: Verified) {
    const session = await check.read(claims.sid)
    if (session === null || session.user_id !== claims.sub || session.revoked_kids.includes(kid)) return undefined
    return session
  }

  /** @throws IdentSphereError `authentication_required` if the session has ended */
  async function live(sessionId: string): Promise<LiveSession> {
    const session = await check.read(sessionId)
    if (session === null) throw new IdentSphereError('authentication_required')
    return session
  }

  return {
    /**
     * Creates a session. Only the feature `signIn` calls it.
     *
     * @throws IdentSphereError `invalid_credentials` if the account has changed since the credentials were checked
     */
    async create(tx: Tx, input: SessionInput): Promise<{ session: SessionFacts; refreshToken: string }> {
      const refreshToken = firstRefreshToken(uuidv7())
      const created = await insertSession(
        tx,
        {
          id: refreshToken.sessionId,
          userId: input.userId,
          organizationId: input.organizationId,
          authMethod: input.authMethod,
          amr: input.amr,
          securityVersion: input.securityVersion,
          mfaAgeSeconds: input.mfaAgeSeconds ?? null,
          trustedBrowserId: input.trustedBrowserId ?? null,
          lifetimeSeconds: settings.refreshTokenSeconds,
          ipAddress: input.context.ipAddress,
          userAgent: input.context.userAgent,
          refreshTokenHash: refreshToken.hash,
        },
        maxSessionsPerUser,
      )
      if (created === undefined) throw new IdentSphereError('invalid_credentials')
      const { session, ended } = created
      await recordEnded(tx, input.userId, { ...input, impersonatorId: null }, ended, 'too_many_sessions', input.context)
      return { session, refreshToken: refreshToken.text }
    },

    /** Reads a live session. @throws IdentSphereError `authentication_required` if it has ended */
    live,

    issueTokens: issuer.issue,

    /**
     * Makes new tokens for a live session, after its new epoch was committed. Older tokens do not include the step-up. The refresh
     * token stays valid.
     *
     * @throws IdentSphereError `authentication_required` if the session has ended
     */
    async renewTokens(auth: Auth): Promise<IssuedTokens & { readonly session: LiveSession }> {
      const session = await live(auth.sessionId)
      return { session, ...issuer.issue(session, null, auth.delivery) }
    },

    list: (userId: string, db: Executor = store): Promise<SessionRow[]> =>
      listSessions(db, userId, {
        longestLifeSeconds: settings.refreshTokenSeconds,
        idleSeconds: settings.sessionIdleSeconds ?? 0,
      }),

    /** @throws IdentSphereError `not_found`, also for sessions of other users */
    async revoke(auth: Auth, sessionId: string, context: RequestContext): Promise<void> {
      await store.transaction(async (tx) => {
        const ended = await revokeSessions(tx, auth.userId, { only: sessionId }, 'revoked')
        if (ended.length === 0) throw new IdentSphereError('not_found')
        await recordEnded(tx, auth.userId, auth, ended, 'revoked', context)
      })
    },

    /**
     * Ends all other sessions, and the trust in other browsers. Pending sign-ins and their mailed codes and links become void.
     *
     * @throws IdentSphereError `authentication_required` if this session has ended
     */
    async revokeOthers(auth: Auth, context: RequestContext): Promise<void> {
      await store.transaction(async (tx) => {
        const input = { userId: auth.userId, session: auth, context }
        const version = await users.changeSecurity(tx, 'signedOutOthers', input)
        if (version === undefined) throw new IdentSphereError('authentication_required')
      })
    },

    /** Ends one session for the host. @throws IdentSphereError `not_found` if it has ended or does not exist */
    async endOne(tx: Tx, sessionId: string, reason: string, context: RequestContext): Promise<void> {
      const ended = await revokeSession(tx, sessionId, reason)
      if (ended === undefined) throw new IdentSphereError('not_found')
      await recordEnded(tx, ended.user_id, 'host', [sessionId], reason, context)
    },

    /**
     * Ends all sessions and pending sign-ins of a user for the host.
     *
     * @returns number of ended sessions, or undefined if the user does not exist
     */
    async endAll(tx: Tx, userId: string, context: RequestContext): Promise<number | undefined> {
      const ended = await revokeSessions(tx, userId, 'all', reasons.signedOutEverywhere)
      await recordEnded(tx, userId, 'host', ended, reasons.signedOutEverywhere, context)
      const version = await users.changeSecurity(tx, 'signedOutEverywhere', { userId, context })
      return version === undefined ? undefined : ended.length
    },

    /**
     * Ends the session of an access token or a refresh token. Does nothing if the token is unknown.
     *
     * @throws IdentSphereError `csrf_failed` if the CSRF token is not that of the session
     */
    async signOut(
      credential: { accessToken: Verified } | { refreshToken: string },
      proof: CsrfProof,
      context: RequestContext,
    ): Promise<void> {
      const found =
        'accessToken' in credential
          ? await findSessionOfAccessToken(credential.accessToken)
          : await findSessionOfToken(store, sha256(credential.refreshToken))
      if (found === undefined) return
      assertCsrfProof(csrf, proof, found.id)
      await store.transaction(async (tx) => {
        const ended = await revokeSessions(tx, found.user_id, { only: found.id }, 'signed_out')
        if (ended.length === 0) return
        await journal.record(tx, actions['auth.logout'], {
          actorId: found.user_id,
          impersonatorId: found.impersonator_id,
          organizationId: found.organization_id,
          resource: { type: 'session', id: found.id },
          context,
        })
      })
    },

    /** Sets `auth_time` to now. @throws IdentSphereError `authentication_required` if the session has ended */
    async renewAuthTime(tx: Tx, sessionId: string, purpose: string | null): Promise<void> {
      if (!(await renewAuthTime(tx, sessionId, purpose))) throw new IdentSphereError('authentication_required')
    },

    /**
     * Asserts that the security version has not changed since it was read, e.g. while a password was verified.
     *
     * @throws IdentSphereError `authentication_required` if the session has ended or the credentials have changed
     */
    async assertUnchanged(tx: Tx, sessionId: string, securityVersion: number): Promise<void> {
      if (!(await isUnchanged(tx, sessionId, securityVersion))) throw new IdentSphereError('authentication_required')
    },

    /** Consumes the purpose of a reauthentication. @returns false if it has no purpose or another one */
    spendAuthPurpose: (sessionId: string, purpose: string): Promise<boolean> =>
      spendAuthPurpose(store, sessionId, purpose),

    /**
     * Sets `mfa_verified_at` to now and increases the epoch. The caller then issues new tokens.
     *
     * @param amr methods of the second factor (RFC 8176)
     * @throws IdentSphereError `authentication_required` if the session has ended
     */
    async recordSecondFactor(tx: Tx, sessionId: string, amr: readonly string[]): Promise<void> {
      if (!(await showSecondFactor(tx, sessionId, amr))) throw new IdentSphereError('authentication_required')
    },

    /**
     * Records the trusted browser of a session.
     *
     * @returns user and security version of the session
     * @throws IdentSphereError `authentication_required` if the session has ended
     */
    async trustBrowser(
      tx: Tx,
      sessionId: string,
      browserId: string,
    ): Promise<{ userId: string; securityVersion: number }> {
      const trusted = await trustBrowser(tx, sessionId, browserId)
      if (trusted === undefined) throw new IdentSphereError('authentication_required')
      return trusted
    },

    /** Whether the session began with a recovery code in the last `seconds`. */
    beganWithRecovery: (sessionId: string, seconds: number): Promise<boolean> =>
      beganWithRecovery(store, sessionId, seconds),

    /**
     * Ends and keeps sessions according to the consequences.
     *
     * @throws IdentSphereError `authentication_required` if the session that makes the change has ended
     */
    async onSecurityChange(tx: Tx, change: SecurityChange): Promise<void> {
      const { userId, session, from, endsOthers, consequences, secondFactorAmr, context } = change
      if (endsOthers) {
        const reason = reasons[change.cause]
        const which = session === null ? 'all' : { except: session.sessionId }
        const ended = await revokeSessions(tx, userId, which, reason)
        await recordEnded(tx, userId, session ?? 'host', ended, reason, context)
      }
      if (session !== null) {
        const kept = await keepSecurityVersion(tx, userId, endsOthers ? { only: session.sessionId } : 'all', from)
        if (!kept.includes(session.sessionId)) throw new IdentSphereError('authentication_required')
      }
      if (consequences.mfaTime !== 'keep') await forgetSecondFactors(tx, userId)
      if (consequences.mfaTime === 'renew' && session !== null && secondFactorAmr !== null) {
        if (!(await showSecondFactor(tx, session.sessionId, secondFactorAmr))) {
          throw new IdentSphereError('authentication_required')
        }
      }
    },
  }
}

export type Sessions = ReturnType<typeof createSessions>
