import { sha256 } from '../../core/crypto/digest.js'
import { randomOctets } from '../../core/crypto/random.js'

/**
 * A refresh token: session, generation and 256 secret bits, as 70 base64url characters. With session and generation in it, one
 * statement can rotate it. Neither is trusted before the hash of the whole token was found.
 */
export interface RefreshToken {
  readonly text: string
  readonly sessionId: string
  readonly generation: number
  /** SHA-256 of the text, as it is stored. */
  readonly hash: Buffer
}

const sessionBytes = 16
const generationBytes = 4
const secretBytes = 32
const wellFormed = /^[\w-]{70}$/

/** The first token of a session. */
export function firstRefreshToken(sessionId: string): RefreshToken {
  return refreshToken(sessionId, 0, randomOctets(secretBytes))
}

/** @param secret 32 bytes */
export function refreshToken(sessionId: string, generation: number, secret: Buffer): RefreshToken {
  const head = Buffer.alloc(sessionBytes + generationBytes)
  head.write(sessionId.replaceAll('-', ''), 'hex')
  head.writeUInt32BE(generation, sessionBytes)
  const text = Buffer.concat([head, secret]).toString('base64url')
  return { text, sessionId, generation, hash: sha256(text) }
}

/** @returns null for a text that is no refresh token */
export function parseRefreshToken(text: string): RefreshToken | null {
  if (!wellFormed.test(text)) return null
  const bytes = Buffer.from(text, 'base64url')
  const [, a, b, c, d, e] = /^(.{8})(.{4})(.{4})(.{4})(.{12})/.exec(bytes.toString('hex')) ?? []
  return {
    text,
    sessionId: [a, b, c, d, e].join('-'),
    generation: bytes.readUInt32BE(sessionBytes),
    hash: sha256(text),
  }
}
