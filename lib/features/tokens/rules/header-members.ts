import type { JsonObject } from './json-object.js'

const allowedMembers = new Set(['alg', 'typ', 'kid'])

/**
 * Whether the header contains only members that we write. RFC 7515 section 4.1.11 requires to refuse an unknown `crit`, and
 * jsonwebtoken ignores it. With `jwk`, `jku`, `x5u` and `x5c` a token could bring its own key.
 *
 * @see CVE-2026-35042 `crit` was ignored
 * @see CVE-2026-27962 the token's own `jwk` was trusted
 */
export function hasOnlyKnownMembers(header: JsonObject): boolean {
  return Object.keys(header).every((name) => allowedMembers.has(name))
}
