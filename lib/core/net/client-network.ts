import { isIPv4, isIPv6 } from 'node:net'
import { groupsOf, lastOctets, mappedOctets } from './client-address.js'

/**
 * The network of a client address in canonical spelling: the /24 of an IPv4 address, the /64 of an IPv6 address. One customer
 * often has a whole /64, so a limit on single IPv6 addresses has no effect.
 *
 * An IPv4 address written as IPv6 (mapped, RFC 4291 section 2.5.5.2, or translated, RFC 6052 section 2.1) counts as that IPv4
 * address. Otherwise all IPv4 clients of a dual-stack socket would be one network.
 *
 * @param address `req.ip`. Absent and invalid addresses belong to the network `unknown`, so that they are limited too.
 *
 * @example
 * ```ts
 * clientNetwork('203.0.113.9') // '203.0.113.0/24'
 * clientNetwork('::ffff:cb00:7109') // '203.0.113.0/24'
 * clientNetwork('2001:db8::1') // '2001:db8:0:0::/64'
 * ```
 */
export function clientNetwork(address: string | undefined): string {
  const bare = address?.split('%', 1)[0] ?? ''
  if (isIPv4(bare)) return networkOfOctets(bare.split('.').map(Number))
  if (!isIPv6(bare)) return 'unknown'
  const groups = groupsOf(bare)
  const isTranslated = groups[0] === 0x64 && groups[1] === 0xff9b && groups.slice(2, 6).every((group) => group === 0)
  const octets = isTranslated ? lastOctets(groups) : mappedOctets(groups)
  if (octets !== null) return networkOfOctets(octets)
  return `${groups
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(':')}::/64`
}

function networkOfOctets(octets: number[]): string {
  return `${octets.slice(0, 3).join('.')}.0/24`
}
