import type { JsonObject } from './json-object.js'

const known = new Set(['alg', 'typ', 'kid'])

/**
 * Whether the header holds only what we write. RFC 7515 section 4.1.11 wants every `crit` refused that is not
 * understood, and jsonwebtoken ignores it. `jwk`, `jku`, `x5u` and `x5c` would let a token bring its own key.
 *
 * @see CVE-2026-35042 `crit` ignored
 * @see CVE-2026-27962 the token's own `jwk` trusted
 */
export function hasOnlyKnownMembers(header: JsonObject): boolean {
  return Object.keys(header).every((name) => known.has(name))
}
