/**
 * Whether `typ` is that of a JWT access token (RFC 9068 sections 2.1 and 4). Media types are case-insensitive (RFC 2045 section
 * 5.1). All other tokens that we sign have another type.
 *
 * @see CVE-2023-48309 a token was accepted for another purpose
 */
export function isAccessTokenType(typ: unknown): boolean {
  if (typeof typ !== 'string') return false
  const type = typ.toLowerCase()
  return type === 'at+jwt' || type === 'application/at+jwt'
}
