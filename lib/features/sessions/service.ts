import type { Auth } from '../../core/auth.js'
import type { Config } from '../../core/config/config.js'
import type { RequestContext } from '../../core/context.js'
import { sha256 } from '../../core/crypto/digest.js'
import { randomToken } from '../../core/crypto/random.js'
import { IdentSphereError } from '../../core/errors.js'
import { assertCsrfProof, type CsrfProof, type CsrfTokens } from '../../core/http/csrf.js'
import type { Journal } from '../../core/journal/journal.js'
import type { Executor, Store, Tx } from '../../core/store/store.js'
import type { Verified } from '../tokens/verified-tokens.js'
import type { LiveSession, SessionCheck } from './check.js'
import {
  beganWithRecovery,
  carrySecurityVersion,
  endOldestSessions,
  findSessionOfToken,
  forgetSecondFactors,
  insertSession,
  isUnchanged,
  listSessions,
  renewAuthTime,
  revokeSession,
  revokeSessions,
  type SessionRow,
  showSecondFactor,
  spendAuthPurpose,
} from './repository.js'

/** What a proven sign-in becomes a session from. */
export interface SessionInput {
  userId: string
  organizationId: string | null
  authMethod: string
  amr: readonly string[]
  securityVersion: number
  /** Seconds since a second factor was shown; undefined where none was. */
  mfaAgeSeconds?: number
  /** The browser that its user trusts, where it was recognised as one. */
  trustedBrowserId?: string
  context: RequestContext
}

/** Live sessions of one user. One more ends the oldest, so that listing and ending all of them stays cheap. */
const mostSessions = 100

export function createSessions(options: {
  store: Store
  journal: Journal
  check: SessionCheck
  csrf: CsrfTokens
  moveSecurityVersion: (tx: Tx, userId: string) => Promise<number | undefined>
  /** Takes ceremonies and enrolments of this user that are on their way away. */
  removePending: (tx: Tx, userId: string) => Promise<void>
  /** Lets the trust of this session's browser follow a security version that has just moved on. */
  carryTrust: (tx: Tx, sessionId: string, from: number) => Promise<void>
  config: Pick<Config, 'refreshTokenSeconds' | 'sessionIdleSeconds'>
}) {
  const { store, journal, check, csrf, config } = options

  /** @param by whose act it was: the user's own, in a session, or the host's */
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
      await journal.record(tx, 'sessions.revoked', {
        ...actor,
        resource: { type: 'session', id },
        data: { reason, user_id: userId },
        context,
      })
    }
  }

  async function endOthers(tx: Tx, auth: Auth, reason: string, context: RequestContext): Promise<void> {
    const ended = await revokeSessions(tx, auth.userId, { except: auth.sessionId }, reason)
    await recordEnded(tx, auth.userId, auth, ended, reason, context)
  }

  /** @throws IdentSphereError `authentication_required` where this session does not follow: it was overtaken, and changes nothing */
  async function carry(tx: Tx, auth: Auth, from: number, which: { only: string } | 'all'): Promise<void> {
    const carried = await carrySecurityVersion(tx, auth.userId, which, from)
    if (!carried.includes(auth.sessionId)) throw new IdentSphereError('authentication_required')
  }

  /** The live session that an access token names; undefined also where the token's key has been revoked. */
  async function findSessionOfAccessToken({ claims, kid }: Verified) {
    const session = await check.read(claims.sid)
    if (session === null || session.user_id !== claims.sub || session.revoked_kids?.includes(kid)) return undefined
    return session
  }

  return {
    /**
     * Begins a session. Called by sign-in and by nobody else.
     *
     * @throws IdentSphereError `invalid_credentials` where the account changed since its credential was read
     */
    async create(tx: Tx, input: SessionInput): Promise<{ sessionId: string; refreshToken: string }> {
      const refreshToken = randomToken()
      const sessionId = await insertSession(tx, {
        userId: input.userId,
        organizationId: input.organizationId,
        authMethod: input.authMethod,
        amr: input.amr,
        securityVersion: input.securityVersion,
        mfaAgeSeconds: input.mfaAgeSeconds ?? null,
        trustedBrowserId: input.trustedBrowserId ?? null,
        lifetimeSeconds: config.refreshTokenSeconds,
        ipAddress: input.context.ipAddress,
        userAgent: input.context.userAgent,
        refreshTokenHash: sha256(refreshToken),
      })
      if (sessionId === null) throw new IdentSphereError('invalid_credentials')
      const ended = await endOldestSessions(tx, input.userId, mostSessions)
      await recordEnded(tx, input.userId, { ...input, impersonatorId: null }, ended, 'too_many_sessions', input.context)
      return { sessionId, refreshToken }
    },

    /** The session as it stands now. @throws IdentSphereError `authentication_required` where it has ended */
    async live(sessionId: string): Promise<LiveSession> {
      const session = await check.read(sessionId)
      if (session === null) throw new IdentSphereError('authentication_required')
      return session
    },

    list: (userId: string, db: Executor = store): Promise<SessionRow[]> =>
      listSessions(db, userId, {
        longestLifeSeconds: config.refreshTokenSeconds,
        idleSeconds: config.sessionIdleSeconds ?? 0,
      }),

    /** @throws IdentSphereError `not_found` also for sessions of others */
    async revoke(auth: Auth, sessionId: string, context: RequestContext): Promise<void> {
      await store.transaction(async (tx) => {
        const ended = await revokeSessions(tx, auth.userId, { only: sessionId }, 'revoked')
        if (ended.length === 0) throw new IdentSphereError('not_found')
        await recordEnded(tx, auth.userId, auth, ended, 'revoked', context)
      })
    },

    /**
     * Leaves this session and nothing else that opens the account without proving everything anew: the others end, and so do
     * sign-ins and ceremonies on their way, with the codes and links mailed for them, and the trust of other browsers.
     *
     * @throws IdentSphereError `authentication_required` where this session has just been ended by another one
     */
    async revokeOthers(auth: Auth, context: RequestContext): Promise<void> {
      await store.transaction(async (tx) => {
        const version = await options.moveSecurityVersion(tx, auth.userId)
        if (version === undefined) throw new IdentSphereError('authentication_required')
        await endOthers(tx, auth, 'revoked_others', context)
        await carry(tx, auth, version - 1, { only: auth.sessionId })
        await options.carryTrust(tx, auth.sessionId, version - 1)
        await options.removePending(tx, auth.userId)
      })
    },

    /** Ends one session for the host. @throws IdentSphereError `not_found` where it has ended or never was */
    async endOne(tx: Tx, sessionId: string, reason: string, context: RequestContext): Promise<void> {
      const ended = await revokeSession(tx, sessionId, reason)
      if (ended === undefined) throw new IdentSphereError('not_found')
      await recordEnded(tx, ended.user_id, 'host', [sessionId], reason, context)
    },

    /** Ends all sessions of a user for the host. @returns how many */
    async endAll(tx: Tx, userId: string, reason: string, context: RequestContext): Promise<number> {
      const ended = await revokeSessions(tx, userId, 'all', reason)
      await recordEnded(tx, userId, 'host', ended, reason, context)
      return ended.length
    },

    /**
     * Ends the session behind an access token or a refresh token. Unknown ones are no error.
     *
     * @throws IdentSphereError `csrf_failed` where a cookie names a session that the CSRF token does not fit
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
        await journal.record(tx, 'auth.logout', {
          actorId: found.user_id,
          organizationId: found.organization_id,
          resource: { type: 'session', id: found.id },
          context,
        })
      })
    },

    /** After a fresh proof of identity. @throws IdentSphereError `authentication_required` where the session has ended */
    async renewAuthTime(tx: Tx, sessionId: string, purpose: string | null): Promise<void> {
      if (!(await renewAuthTime(tx, sessionId, purpose))) throw new IdentSphereError('authentication_required')
    },

    /**
     * For a proof that took its time: what it was read under has to hold still.
     *
     * @throws IdentSphereError `authentication_required` where the session has ended or the credentials have changed
     */
    async assertUnchanged(tx: Tx, sessionId: string, securityVersion: number): Promise<void> {
      if (!(await isUnchanged(tx, sessionId, securityVersion))) throw new IdentSphereError('authentication_required')
    },

    /** Uses up what a reauthentication was made for. @returns false where it was made for nothing, or for something else */
    spendAuthPurpose: (sessionId: string, purpose: string): Promise<boolean> =>
      spendAuthPurpose(store, sessionId, purpose),

    /**
     * After a second factor was shown: `mfa_verified_at` is now, and new tokens are due.
     *
     * @param amr what was used (RFC 8176)
     * @throws IdentSphereError `authentication_required` where the session has ended
     */
    async showSecondFactor(tx: Tx, sessionId: string, amr: readonly string[]): Promise<void> {
      if (!(await showSecondFactor(tx, sessionId, amr))) throw new IdentSphereError('authentication_required')
    },

    /** No live session of this user has a second factor any more. */
    forgetSecondFactors,

    /** Whether it began with a recovery code no longer than `seconds` ago. */
    beganWithRecovery: (sessionId: string, seconds: number): Promise<boolean> =>
      beganWithRecovery(store, sessionId, seconds),

    /**
     * Follows a change of credentials that moved the user's security version from `from` to the next: this session goes
     * on, the others end or go on too.
     *
     * @throws IdentSphereError `authentication_required` where it has ended: it was overtaken, and changes nothing
     */
    async followCredentialChange(
      tx: Tx,
      auth: Auth,
      from: number,
      others: 'end' | 'keep',
      context: RequestContext,
    ): Promise<void> {
      if (others === 'end') await endOthers(tx, auth, 'credentials_changed', context)
      await carry(tx, auth, from, others === 'end' ? { only: auth.sessionId } : 'all')
    },
  }
}

export type Sessions = ReturnType<typeof createSessions>
