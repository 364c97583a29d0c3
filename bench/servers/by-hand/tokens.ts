import { createHmac, createPrivateKey, createPublicKey, randomBytes, sign, timingSafeEqual, verify } from 'node:crypto'

/** What an access token says. */
export interface Claims {
  sub: string
  sid: string
  org: string
  email: string
}

/** Seconds. */
const lifetimeSeconds = 900
const header = encode({ alg: 'RS256', typ: 'at+jwt' })

/** RS256 access tokens, and CSRF tokens that are bound to a session. */
export type Tokens = ReturnType<typeof createTokens>

export function createTokens(privateKey: string, publicKey: string) {
  const signingKey = createPrivateKey(privateKey)
  const verifyingKey = createPublicKey(publicKey)
  const csrfKey = randomBytes(32)
  /** Tokens that were verified before, by their exact text. */
  const verified = new Map<string, { sid: string; exp: number }>()

  const macOf = (sessionId: string) => createHmac('sha256', csrfKey).update(sessionId).digest('base64url')

  return {
    sign(claims: Claims): string {
      const iat = Math.floor(Date.now() / 1000)
      const text = `${header}.${encode({ ...claims, iat, exp: iat + lifetimeSeconds })}`
      return `${text}.${sign('sha256', Buffer.from(text), signingKey).toString('base64url')}`
    },

    /** @returns the session's id, or null */
    sessionOf(token: string): string | null {
      const known = verified.get(token)
      if (known !== undefined) return known.exp > Date.now() / 1000 ? known.sid : null
      const [head = '', payload = '', signature = ''] = token.split('.')
      const isGenuine = verify(
        'sha256',
        Buffer.from(`${head}.${payload}`),
        verifyingKey,
        Buffer.from(signature, 'base64url'),
      )
      if (!isGenuine) return null
      const { sid, exp } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { sid: string; exp: number }
      if (exp <= Date.now() / 1000) return null
      verified.set(token, { sid, exp })
      return sid
    },

    csrfFor: (sessionId: string) => `${sessionId}.${macOf(sessionId)}`,

    /** @returns the session that the CSRF token is bound to, or null */
    sessionOfCsrf(token: string): string | null {
      const [sessionId = '', mac = ''] = token.split('.')
      const expected = Buffer.from(macOf(sessionId))
      const given = Buffer.from(mac)
      return given.length === expected.length && timingSafeEqual(given, expected) ? sessionId : null
    },
  }
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
