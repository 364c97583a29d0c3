import { z } from 'zod'
import { noRequest } from '../../core/context.js'
import { IdentSphereError } from '../../core/errors.js'
import type { HostCallOptions, HostCalls } from '../../core/store/host-calls.js'
import type { Sessions } from './service.js'

/** A live session, for the host's own code. */
export interface Session {
  sessionId: string
  /** How the user signed in, e.g. `password`. */
  authMethod: string
  createdAt: Date
  lastSeenAt: Date
  expiresAt: Date
  ipAddress: string | null
  userAgent: string | null
}

/** `identsphere.api.sessions`. All nodes refuse a revoked session from the next request on. */
export interface SessionsApi {
  /** Lists the live sessions of a user, the most recently used first. */
  list(userId: string, options?: HostCallOptions): Promise<Session[]>
  /** Ends a session. @throws IdentSphereError `not_found` if it has ended or does not exist */
  revoke(sessionId: string, options?: HostCallOptions): Promise<void>
  /**
   * Ends all sessions of a user and all trust in browsers. Pending sign-ins and their mailed codes and links become void.
   *
   * @returns number of ended sessions
   * @throws IdentSphereError `not_found` if the user does not exist
   */
  revokeAll(userId: string, options?: HostCallOptions): Promise<number>
}

export function sessionsApi({ calls, sessions }: { calls: HostCalls; sessions: Sessions }): SessionsApi {
  const byUser = z.strictObject({ userId: z.uuid() })

  return {
    list: (userId, given) =>
      calls.read(byUser, { userId }, given, async (db, input) =>
        (await sessions.list(input.userId, db)).map((row) => ({
          sessionId: row.id,
          authMethod: row.auth_method,
          createdAt: row.created_at,
          lastSeenAt: row.last_seen_at,
          expiresAt: row.expires_at,
          ipAddress: row.ip_address,
          userAgent: row.user_agent,
        })),
      ),

    revoke: (sessionId, given) =>
      calls.write(z.strictObject({ sessionId: z.uuid() }), { sessionId }, given, (tx, input) =>
        sessions.endOne(tx, input.sessionId, 'revoked_by_host', noRequest()),
      ),

    revokeAll: (userId, given) =>
      calls.write(byUser, { userId }, given, async (tx, input) => {
        const ended = await sessions.endAll(tx, input.userId, noRequest())
        if (ended === undefined) throw new IdentSphereError('not_found', { message: 'User not found.' })
        return ended
      }),
  }
}
