import { decodeBase64url } from '../../../core/crypto/strict-base64url.js'

/** Longer tokens are neither issued nor accepted. */
export const maxTokenBytes = 8192

/** Decoded parts of a compact JWS. */
export interface CompactForm {
  header: Buffer
  payload: Buffer
}

/**
 * Reads the compact serialization (RFC 7515 section 7.1): exactly three parts that are not empty, each in canonical base64url.
 * With other spellings, one token would have several texts, and a list of revoked texts would miss some.
 */
export function readCompactForm(token: string): CompactForm | 'too_long' | 'malformed' {
  if (typeof token !== 'string') return 'malformed'
  if (token.length > maxTokenBytes) return 'too_long'
  const parts = token.split('.', 4)
  if (parts.length !== 3 || parts.includes('')) return 'malformed'
  const [header, payload, signature] = parts.map(decodeBase64url)
  return header && payload && signature ? { header, payload } : 'malformed'
}
