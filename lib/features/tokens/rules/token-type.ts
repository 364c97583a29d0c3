/**
 * Whether `typ` names a JWT access token (RFC 9068 sections 2.1 and 4). Media types compare without case (RFC 2045
 * section 5.1). ID tokens, logout tokens and everything else that we sign carry another type.
 *
 * @see CVE-2023-48309 a token of one purpose accepted for another
 */
export function isAccessTokenType(typ: unknown): boolean {
  if (typeof typ !== 'string') return false
  const type = typ.toLowerCase()
  return type === 'at+jwt' || type === 'application/at+jwt'
}
