/**
 * Decodes base64url without padding (RFC 7515 section 2). Returns null for other spellings of the same bytes: padding, white
 * space, the `+/` alphabet and non-zero trailing bits.
 *
 * @see CVE-2026-27840 a re-encoded token avoids revocation
 */
export function decodeBase64url(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64url')
  return bytes.toString('base64url') === text ? bytes : null
}
