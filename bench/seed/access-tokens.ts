import { createPrivateKey, randomUUID, sign } from 'node:crypto'
import { promisify } from 'node:util'

interface Claims {
  sub: string
  sid: string
  org: string
  email: string
  [name: string]: unknown
}

/** Makes access tokens that differ from a real one in user and session only. */
export interface AccessTokenMint {
  /** The claims of the real one. */
  pattern: Claims
  mint(claims: { sub: string; sid: string; email: string }): Promise<string>
}

/** Seconds. Longer than any run. */
const lifetimeSeconds = 86_400

const signAsync = promisify(sign)

/** @param token a token that IdentSphere issued; its header and its other claims are kept */
export function mintFrom(token: string, privateKey: string): AccessTokenMint {
  const key = createPrivateKey(privateKey)
  const [header = '', payload = ''] = token.split('.')
  const pattern = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Claims
  return {
    pattern,
    async mint(claims) {
      const exp = Math.floor(Date.now() / 1000) + lifetimeSeconds
      const changed = JSON.stringify({ ...pattern, ...claims, exp, jti: randomUUID() })
      const text = `${header}.${Buffer.from(changed).toString('base64url')}`
      const signature = await signAsync('sha256', Buffer.from(text), key)
      return `${text}.${signature.toString('base64url')}`
    },
  }
}
