import { decodeBase64url } from '../../../core/crypto/strict-base64url.js'

/** In characters, which are bytes here. Longer tokens are neither minted nor read. */
export const maximumTokenLength = 8192

/** The three parts of a compact JWS, decoded. */
export interface CompactForm {
  header: Buffer
  payload: Buffer
}

/**
 * Reads the compact serialization (RFC 7515 section 7.1): exactly three parts, none empty, each in the one spelling
 * that base64url has for its bytes. Where several spellings verified, a token would slip past whatever knows its text.
 */
export function readCompactForm(token: string): CompactForm | 'too_long' | 'malformed' {
  if (typeof token !== 'string') return 'malformed'
  if (token.length > maximumTokenLength) return 'too_long'
  const parts = token.split('.', 4)
  if (parts.length !== 3 || parts.includes('')) return 'malformed'
  const [header, payload, signature] = parts.map(decodeBase64url)
  return header && payload && signature ? { header, payload } : 'malformed'
}
