import type { RequestHandler } from 'express'
import type pg from 'pg'
import { verifyPassword } from './hashing.js'
import { newId, newRefreshToken, type SessionAnswer } from './session-answer.js'
import { insertAuditRow, insertSession, inTransaction } from './transaction.js'

interface Credentials {
  id: string
  email: string
  password_hash: string
  security_version: number
  organization_id: string
}

/** Login: one read, Argon2id, one transaction of three statements, one RS256 signature. */
export function createLogin(
  pool: pg.Pool,
  answer: SessionAnswer,
): { signIn: RequestHandler; verifyOnly: RequestHandler } {
  async function credentialsOf(email: string): Promise<Credentials | undefined> {
    const { rows } = await pool.query<Credentials>({
      name: 'credentials',
      text: `SELECT u.id, u.email, u.password_hash, u.security_version, m.organization_id
        FROM by_hand.users u JOIN by_hand.memberships m ON m.user_id = u.id
        WHERE lower(u.email) = lower($1) AND u.status = 'active' ORDER BY m.created_at LIMIT 1`,
      values: [email],
    })
    return rows[0]
  }

  return {
    async signIn(request, response) {
      const { email, password } = request.body as { email: string; password: string }
      const user = await credentialsOf(email)
      if (user === undefined || !(await verifyPassword(user.password_hash, password))) {
        response.status(401).json({})
        return
      }
      const sessionId = newId()
      const { token, hash } = newRefreshToken()
      const organizationId = user.organization_id
      await inTransaction(pool, [
        {
          name: 'forget-failures',
          text: 'DELETE FROM by_hand.budgets WHERE key = ANY ($1)',
          values: [[`${email}:network`, `${email}:total`]],
        },
        insertSession({
          id: sessionId,
          userId: user.id,
          organizationId,
          refreshTokenHash: hash,
          securityVersion: user.security_version,
        }),
        insertAuditRow({ id: newId(), action: 'auth.login', userId: user.id, organizationId }),
      ])
      const claims = { sub: user.id, sid: sessionId, org: organizationId, email: user.email }
      answer(response, { ...claims, refreshToken: token, delivery: 'cookie' })
    },

    /** The hash alone, to show what the rest of a login costs. */
    async verifyOnly(request, response) {
      const { stored, password } = request.body as { stored: string; password: string }
      response.json({ matches: await verifyPassword(stored, password) })
    },
  }
}
