import { ConfigurationError } from './configuration-error.js'

/**
 * Matches one origin as browsers write it (RFC 6454 section 6.2). Repeated headers arrive as one text. A host's function that
 * tests only the end of it would accept `https://evil.example, https://app.example.com`.
 */
const oneOrigin = /^[a-z][a-z0-9+.-]*:\/\/[^\s,/\\?#@A-Z]+$/

/** The own origins, for CSRF, CORS and return paths: the origin of `publicBaseUrl`, and those that the host allows. */
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
