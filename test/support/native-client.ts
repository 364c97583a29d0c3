import { password, type TestApp } from './app.js'
import type { Answer, SendOptions } from './client.js'

/** Tokens as a native client keeps them: from the body, without cookies. */
export interface NativeTokens {
  accessToken: string
  refreshToken: string
}

/** Signs in as a native client does. */
export async function signInNatively(app: Pick<TestApp, 'client'>, email: string): Promise<NativeTokens> {
  const answer = await app.client().post('/v1/auth/login', { email, password, token_delivery: 'body' })
  if (answer.status !== 200) throw new Error(`login answered ${answer.status}: ${answer.text}`)
  return { accessToken: answer.body.access_token, refreshToken: answer.body.refresh_token }
}

export function bearer(accessToken: string): SendOptions {
  return { headers: { authorization: `Bearer ${accessToken}` } }
}

export function refreshNatively(app: Pick<TestApp, 'client'>, refreshToken: string): Promise<Answer> {
  return app.client().post('/v1/auth/refresh', { refresh_token: refreshToken })
}

/** The claims of an access token, unverified. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into claims of many shapes
export function claimsOf(accessToken: string): any {
  return JSON.parse(Buffer.from(accessToken.split('.')[1] ?? '', 'base64url').toString('utf8'))
}

/** A signed-in session, as far as one of its tokens shows it. */
export function sessionIdOf(tokens: NativeTokens): string {
  return claimsOf(tokens.accessToken).sid
}
