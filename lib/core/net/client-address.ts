import { isIPv6 } from 'node:net'

/**
 * An IPv4 address that a dual-stack socket writes as IPv6, as what it is. Everything else stays.
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

/** The octets of the IPv4 address that an IPv6 one stands for (RFC 4291 section 2.5.5.2), or null. */
export function mappedOctets(groups: readonly number[]): number[] | null {
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff
  return isMapped ? lastOctets(groups) : null
}

/** The four octets at the end of an IPv6 address. */
export function lastOctets(groups: readonly number[]): number[] {
  return groups.slice(6).flatMap((group) => [group >> 8, group & 0xff])
}

/** The eight 16-bit groups. `URL` spells every valid address one way: lower case, no dotted part, one `::` at most. */
export function groupsOf(address: string): number[] {
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::')
  const left = head.split(':').filter(Boolean)
  const right = tail?.split(':').filter(Boolean) ?? []
  const zeros = Array<string>(8 - left.length - right.length).fill('0')
  return [...left, ...zeros, ...right].map((group) => Number.parseInt(group, 16))
}
