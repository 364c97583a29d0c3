import { isIPv6 } from 'node:net'

/**
 * Converts an IPv4 address that a dual-stack socket writes as IPv6 to IPv4. Other addresses are returned unchanged.
 *
 * @example
 * ```ts
 * plainAddress('::ffff:203.0.113.9') // '203.0.113.9'
 * ```
 */
export function plainAddress(address: string): string {
  if (!isIPv6(address) || address.includes('%')) return address
  return mappedOctets(groupsOf(address))?.join('.') ?? address
}

/** The octets of an IPv4-mapped IPv6 address (RFC 4291 section 2.5.5.2), or null for other addresses. */
export function mappedOctets(groups: readonly number[]): number[] | null {
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff
  return isMapped ? lastOctets(groups) : null
}

/** The last four octets of an IPv6 address. */
export function lastOctets(groups: readonly number[]): number[] {
  return groups.slice(6).flatMap((group) => [group >> 8, group & 0xff])
}

/** The eight 16-bit groups. `URL` normalizes the address: lower case, no dotted part, at most one `::`. */
export function groupsOf(address: string): number[] {
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::')
  const left = head.split(':').filter(Boolean)
  const right = tail?.split(':').filter(Boolean) ?? []
  const zeros = Array<string>(8 - left.length - right.length).fill('0')
  return [...left, ...zeros, ...right].map((group) => Number.parseInt(group, 16))
}
