import { createHash, createHmac, type KeyObject, timingSafeEqual } from 'node:crypto'

/** SHA-256, for secrets with at least 128 random bits. Shorter secrets could be guessed from their digest. */
export function sha256(value: string | Uint8Array): Buffer {
  return createHash('sha256').update(value).digest()
}

/**
 * HMAC-SHA256 over several parts. The length of each part comes first, so that different lists of parts never give the same
 * input.
 */
export function hmacSha256(key: KeyObject, ...parts: Array<string | Uint8Array>): Buffer {
  const hmac = createHmac('sha256', key)
  for (const part of parts) {
    const bytes = typeof part === 'string' ? Buffer.from(part, 'utf8') : part
    const length = Buffer.alloc(4)
    length.writeUInt32BE(bytes.length)
    hmac.update(length).update(bytes)
  }
  return hmac.digest()
}

/** Compares two secrets in constant time. Values of different length are unequal. */
export function constantTimeEqual(left: string | Uint8Array, right: string | Uint8Array): boolean {
  const leftBytes = typeof left === 'string' ? Buffer.from(left, 'utf8') : left
  const rightBytes = typeof right === 'string' ? Buffer.from(right, 'utf8') : right
  return leftBytes.length === rightBytes.length && timingSafeEqual(leftBytes, rightBytes)
}
