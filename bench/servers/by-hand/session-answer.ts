import { createHash, randomBytes, randomUUID } from 'node:crypto'
import type { Response } from 'express'
import type { Claims, Tokens } from './tokens.js'

/** Seconds. */
const sessionSeconds = 30 * 86_400

/** A token and the hash of it that is stored. */
export interface RefreshToken {
  token: string
  hash: Buffer
}

export function newRefreshToken(): RefreshToken {
  const token = randomBytes(32).toString('base64url')
  return { token, hash: hashOf(token) }
}

export function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

export const newId = randomUUID

/** Signs an access token and answers with the tokens of a session, as cookies or in the body. */
export type SessionAnswer = (
  response: Response,
  session: Claims & { refreshToken: string; delivery: 'cookie' | 'body' },
) => void

export function createSessionAnswer(tokens: Tokens): SessionAnswer {
  return (response, { refreshToken, delivery, ...claims }) => {
    const accessToken = tokens.sign(claims)
    if (delivery === 'body') {
      response.json({ expires_in: 900, access_token: accessToken, refresh_token: refreshToken })
      return
    }
    const csrfToken = tokens.csrfFor(claims.sid)
    response.setHeader('Set-Cookie', [
      `identsphere_at=${accessToken}; Path=/; Max-Age=900; HttpOnly; Secure; SameSite=Lax`,
      `identsphere_csrf=${csrfToken}; Path=/; Max-Age=${sessionSeconds}; Secure; SameSite=Lax`,
      `identsphere_rt=${refreshToken}; Path=/v1/auth; Max-Age=${sessionSeconds}; HttpOnly; Secure; SameSite=Lax`,
    ])
    response.json({ user_id: claims.sub, organization_id: claims.org, email: claims.email, csrf_token: csrfToken })
  }
}
