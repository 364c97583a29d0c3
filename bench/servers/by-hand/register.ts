import type { RequestHandler } from 'express'
import type pg from 'pg'
import { hashPassword } from './hashing.js'
import { newId, newRefreshToken, type SessionAnswer } from './session-answer.js'
import { insertAuditRow, insertSession, inTransaction } from './transaction.js'

/** Register: one read, Argon2id, one transaction of three statements, one RS256 signature. */
export function createRegister(pool: pg.Pool, answer: SessionAnswer): RequestHandler {
  async function isTaken(email: string): Promise<boolean> {
    const { rows } = await pool.query({
      name: 'is-taken',
      text: 'SELECT 1 FROM by_hand.users WHERE lower(email) = lower($1)',
      values: [email],
    })
    return rows.length > 0
  }

  return async (request, response) => {
    const { email, password, organization_name: name } = request.body as Record<string, string>
    if (email === undefined || password === undefined || (await isTaken(email))) {
      response.status(409).json({})
      return
    }
    const [userId, organizationId, sessionId] = [newId(), newId(), newId()]
    const { token, hash } = newRefreshToken()
    await inTransaction(pool, [
      {
        name: 'insert-account',
        text: `WITH account AS (
            INSERT INTO by_hand.users (id, email, password_hash, created_at) VALUES ($1, $2, $3, now()) RETURNING id
          ), organization AS (
            INSERT INTO by_hand.organizations (id, name, slug, created_at) VALUES ($4, $5, $6, now()) RETURNING id
          )
          INSERT INTO by_hand.memberships (organization_id, user_id, role, created_at)
          SELECT o.id, a.id, 'owner', now() FROM organization o, account a`,
        values: [userId, email, await hashPassword(password), organizationId, name, organizationId],
      },
      insertSession({ id: sessionId, userId, organizationId, refreshTokenHash: hash, securityVersion: 1 }),
      insertAuditRow({ id: newId(), action: 'auth.register', userId, organizationId }),
    ])
    const claims = { sub: userId, sid: sessionId, org: organizationId, email }
    answer(response.status(201), { ...claims, refreshToken: token, delivery: 'cookie' })
  }
}
