import { ConfigurationError } from './configuration-error.js'

/**
 * One origin as a browser writes it (RFC 6454 section 6.2). Several headers arrive as one text, and a host that looks at its
 * end would take `https://evil.example, https://app.example.com` for its own.
 */
const oneOrigin = /^[a-z][a-z0-9+.-]*:\/\/[^\s,/\\?#@A-Z]+$/

/** One list for CSRF, CORS and return paths: the public address's own origin, and what the host allows besides. */
export function ownOrigins(
  publicBaseUrl: URL,
  allowed: readonly string[] | ((origin: string) => boolean),
): (origin: string) => boolean {
  if (typeof allowed === 'function') {
    return (origin) => origin === publicBaseUrl.origin || (oneOrigin.test(origin) && allowed(origin) === true)
  }
  for (const origin of allowed) {
    if (!URL.canParse(origin) || new URL(origin).origin !== origin || origin.includes('*')) {
      throw new ConfigurationError(
        'allowedOrigins',
        `holds ${JSON.stringify(origin)}, which is not an origin`,
        'Write scheme, host and port only, e.g. https://app.example.com.',
      )
    }
  }
  const origins = new Set([publicBaseUrl.origin, ...allowed])
  return (origin) => origins.has(origin)
}
