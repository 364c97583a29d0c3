import { z } from 'zod'
import { noRequest } from '../../core/context.js'
import { IdentSphereError } from '../../core/errors.js'
import type { HostCallOptions, HostCalls } from '../../core/store/host-calls.js'
import type { Sessions } from './service.js'

/** A live session, as the host's own code sees it. */
export interface Session {
  sessionId: string
  /** How it began, e.g. `password`. */
  authMethod: string
  createdAt: Date
  lastSeenAt: Date
  expiresAt: Date
  ipAddress: string | null
  userAgent: string | null
}

/** `identsphere.api.sessions`. What is revoked here is refused from the next request on, on every node. */
export interface SessionsApi {
  /** The user's live sessions, the one seen last first. */
  list(userId: string, options?: HostCallOptions): Promise<Session[]>
  /** @throws IdentSphereError `not_found` where it has ended or never was */
  revoke(sessionId: string, options?: HostCallOptions): Promise<void>
  /**
   * Ends all sessions of a user, and sign-ins that are on their way, with the codes and links mailed for them. No browser is
   * trusted any more.
   *
   * @returns how many sessions it ended
   * @throws IdentSphereError `not_found` for a user that does not exist
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
        if (ended === undefined) throw new IdentSphereError('not_found', { message: 'There is no such user.' })
        return ended
      }),
  }
}
