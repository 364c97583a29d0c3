/**
 * Decodes base64url without padding (RFC 7515 section 2) and refuses every other spelling of the same bytes: padding,
 * white space, the `+/` alphabet and non-zero trailing bits. Returns null where the text is not canonical.
 *
 * @see CVE-2026-27840 a re-encoded token that dodges revocation
 */
export function decodeBase64url(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64url')
  return bytes.toString('base64url') === text ? bytes : null
}
