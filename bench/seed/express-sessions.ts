import { createHmac, randomBytes } from 'node:crypto'
import type { RequestHandler } from 'express'
import { tableRows, usedSessions } from '../settings.js'
import { withClient } from './sql.js'

/** The part of `express-session` that is used. */
export interface ExpressSession {
  default: ((options: object) => RequestHandler) & {
    MemoryStore: new () => { set(id: string, session: object, done: (error?: unknown) => void): void }
  }
}

/** Signs the session cookies of the peers. */
export const sessionSecret = 'bench-session-secret-of-32-bytes'

export function newSessionIds(): string[] {
  return Array.from({ length: usedSessions }, () => randomBytes(24).toString('base64url'))
}

/** A cookie as `express-session` signs it. */
export function sessionCookie(sessionId: string): string {
  const signature = createHmac('sha256', sessionSecret).update(sessionId).digest('base64').replace(/=+$/, '')
  return `connect.sid=${encodeURIComponent(`s:${sessionId}.${signature}`)}`
}

/** Makes and fills the tables of `connect-pg-simple`, as its documentation says, and of users beside it. */
export async function seedPassport(databaseUrl: string, sessionIds: readonly string[]): Promise<void> {
  await withClient(databaseUrl, async (client) => {
    await client.query(`
      CREATE TABLE passport_users (id text PRIMARY KEY, email text NOT NULL UNIQUE, role text NOT NULL);
      CREATE TABLE passport_sessions (sid varchar PRIMARY KEY, sess json NOT NULL, expire timestamp(6) NOT NULL);
      CREATE INDEX ON passport_sessions (expire);
      INSERT INTO passport_users SELECT gen_random_uuid(), 'user' || n || '@example.com', 'admin'
        FROM generate_series(1, ${tableRows}) n;
    `)
    // The session of `sessionIds[n]` belongs to the user with the number n.
    await client.query(
      `INSERT INTO passport_sessions
        SELECT coalesce(($1::text[])[n], gen_random_uuid()::text), json_build_object(
          'cookie', json_build_object('originalMaxAge', null, 'expires', null, 'httpOnly', true, 'path', '/'),
          'passport', json_build_object('user', u.id)), now() + interval '30 days'
        FROM (SELECT id, row_number() OVER () AS n FROM passport_users) u`,
      [sessionIds],
    )
    await client.query('VACUUM ANALYZE')
  })
}
