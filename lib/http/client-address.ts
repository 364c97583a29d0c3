import { isIPv6 } from 'node:net'

/**
 * An IPv4 address that a dual-stack socket writes as IPv6 (RFC 4291 section 2.5.5.2), as what it is. Everything else stays.
 *
 * @example
 * ```ts
 * plainAddress('::ffff:203.0.113.9') // '203.0.113.9'
 * ```
 */
export function plainAddress(address: string): string {
  if (!isIPv6(address) || address.includes('%')) return address
  // `URL` spells every IPv6 address one way, without a dotted part.
  const [, high, low] = /^\[::ffff:([\da-f]+):([\da-f]+)\]$/.exec(new URL(`http://[${address}]`).hostname) ?? []
  if (high === undefined || low === undefined) return address
  return [high, low].flatMap((group) => [...Buffer.from(group.padStart(4, '0'), 'hex')]).join('.')
}
