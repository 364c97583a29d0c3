import type { RequestHandler } from 'express'
import type pg from 'pg'
import { cookieOf } from './cookies.js'
import { hashOf, newRefreshToken, type SessionAnswer } from './session-answer.js'
import type { Tokens } from './tokens.js'

interface Rotated {
  session_id: string
  user_id: string
  organization_id: string
  email: string
}

/** Marks a token as used, adds its successor, and reads what the access token says. Of parallel calls one succeeds. */
const rotation = `
  WITH used AS (
    UPDATE by_hand.refresh_tokens t SET used_at = now()
    FROM by_hand.sessions s JOIN by_hand.users u ON u.id = s.user_id
    WHERE t.token_hash = $1 AND t.used_at IS NULL AND s.id = t.session_id AND s.revoked_at IS NULL
      AND s.expires_at > now() AND u.status = 'active' AND u.security_version = s.security_version
      AND s.id = coalesce($3, s.id)
    RETURNING t.session_id, t.generation, s.user_id, s.organization_id, u.email
  ), seen AS (
    UPDATE by_hand.sessions s SET last_seen_at = now() FROM used WHERE s.id = used.session_id
  ), successor AS (
    INSERT INTO by_hand.refresh_tokens (session_id, generation, token_hash)
    SELECT session_id, generation + 1, $2 FROM used
  )
  SELECT session_id, user_id, organization_id, email FROM used`

/** Refresh: one rotating statement and one RS256 signature. A cookie needs a CSRF token that is bound to the session. */
export function createRefresh(pool: pg.Pool, answer: SessionAnswer, tokens: Tokens): RequestHandler {
  return async (request, response) => {
    const inBody = (request.body as { refresh_token?: string } | undefined)?.refresh_token
    const presented = inBody ?? cookieOf(request.headers.cookie ?? '', 'identsphere_rt')
    const boundTo = inBody === undefined ? tokens.sessionOfCsrf(String(request.headers['x-csrf-token'])) : null
    if (presented === null || (inBody === undefined && boundTo === null)) {
      response.status(401).json({})
      return
    }
    const { token, hash } = newRefreshToken()
    const { rows } = await pool.query<Rotated>({
      name: 'rotate',
      text: rotation,
      values: [hashOf(presented), hash, boundTo],
    })
    const [session] = rows
    if (session === undefined) {
      response.status(401).json({})
      return
    }
    answer(response, {
      sub: session.user_id,
      sid: session.session_id,
      org: session.organization_id,
      email: session.email,
      refreshToken: token,
      delivery: inBody === undefined ? 'cookie' : 'body',
    })
  }
}
