const reserved = new Set([
  // RFC 7519 and RFC 9068
  ...['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti', 'auth_time', 'acr', 'amr', 'client_id', 'scope'],
  // own claims
  ...['sid', 'org', 'epoch', 'email', 'dlv'],
  // binding, delegation, and claims that mark ID tokens and logout tokens
  ...['cnf', 'act', 'may_act', 'azp', 'nonce', 'at_hash', 'c_hash', 'events'],
  // names that can change an object's prototype when it is copied
  ...['__proto__', 'constructor', 'prototype'],
])

/**
 * Refuses additional claims of the host with a reserved name.
 *
 * @throws TypeError that names the claim
 * @example
 * ```ts
 * assertNoReservedClaims({ plan: 'pro' })
 * assertNoReservedClaims({ sub: 'someone-else' }) // TypeError: accessTokenClaims must not set `sub`…
 * ```
 */
export function assertNoReservedClaims(extra: Readonly<Record<string, unknown>>): void {
  const name = Object.keys(extra).find((key) => reserved.has(key))
  if (name !== undefined) throw new TypeError(`accessTokenClaims must not set \`${name}\`: the name is reserved`)
}
