/** Every name below `localhost` is this machine (RFC 6761 section 6.3), so that two of them can play two hosts. */
const loopbackHost = /^(127\.0\.0\.1|\[::1\]|([a-z0-9-]+\.)*localhost)$/

/** Whether an address is on this machine, where development may do without TLS. */
export function isOnLoopback({ hostname }: URL): boolean {
  return loopbackHost.test(hostname)
}
