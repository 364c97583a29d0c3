/** All names below `localhost` are this machine (RFC 6761 section 6.3). Examples use two of them as two hosts. */
const loopbackHost = /^(127\.0\.0\.1|\[::1\]|([a-z0-9-]+\.)*localhost)$/

/** Whether an address is on this machine. Development needs no TLS there. */
export function isOnLoopback({ hostname }: URL): boolean {
  return loopbackHost.test(hostname)
}
