const rfc4648 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** Base32 (RFC 4648 section 6) without padding. @throws RangeError unless the length is a multiple of 5 bytes */
export function base32(bytes: Uint8Array, alphabet = rfc4648): string {
  if (bytes.length % 5 !== 0) throw new RangeError('base32: the length must be a multiple of 5 bytes')
  let text = ''
  for (let at = 0; at < bytes.length; at += 5) {
    const group = bytes.subarray(at, at + 5).reduce((value, byte) => value * 256 + byte, 0)
    for (let shift = 7; shift >= 0; shift -= 1) text += alphabet[Math.floor(group / 32 ** shift) % 32]
  }
  return text
}
