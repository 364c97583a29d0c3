import { randomBytes, randomInt } from 'node:crypto'

/** 256 random bits as 43 base64url characters: refresh tokens, flow cookies, links. */
export function randomToken(): string {
  return randomBytes(32).toString('base64url')
}

/** `size` random bytes. */
export function randomOctets(size: number): Buffer {
  return randomBytes(size)
}

/** `length` decimal digits, each text as likely as any other. */
export function randomDigits(length: number): string {
  return String(randomInt(10 ** length)).padStart(length, '0')
}

/** A random suffix of lower-case letters and digits for human-readable names such as slugs. */
export function randomSuffix(length: number): string {
  return BigInt(`0x${randomBytes(length).toString('hex')}`)
    .toString(36)
    .slice(-length)
    .padStart(length, '0')
}

/**
 * A UUIDv7 (RFC 9562 section 5.7): 48 bits of Unix milliseconds, then random bits, so that inserts stay index-local.
 * Ids are no secrets and decide nothing; their order is a courtesy to the index.
 */
export function uuidv7(): string {
  const bytes = randomBytes(16)
  bytes.writeUIntBE(Date.now(), 0, 6)
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x70
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  const hex = bytes.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
