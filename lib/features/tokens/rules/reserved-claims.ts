const reserved = new Set([
  // RFC 7519 and RFC 9068
  ...['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti', 'auth_time', 'acr', 'amr', 'client_id', 'scope'],
  // ours
  ...['sid', 'org', 'epoch', 'email', 'dlv'],
  // binding, delegation and what tells ID and logout tokens apart
  ...['cnf', 'act', 'may_act', 'azp', 'nonce', 'at_hash', 'c_hash', 'events'],
  // names that change an object when it is copied carelessly
  ...['__proto__', 'constructor', 'prototype'],
])

/**
 * Refuses claims that a host adds under a name with a meaning of its own.
 *
 * @throws TypeError naming the claim
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
