import { IdentSphereError } from '../errors.js'

/** Methods that change nothing (RFC 9110 section 9.2.1). Every other one, known or not, is unsafe. */
const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS'])

export function isUnsafe(method: string): boolean {
  return !safeMethods.has(method)
}

/**
 * Whether a request that changes something may have been sent by another site: a foreign `Origin`, or Fetch Metadata that
 * says so. Requests with neither header come from no browser.
 *
 * @see https://www.w3.org/TR/fetch-metadata/ "Sec-Fetch-Site"
 */
export function isForeignRequest(
  headers: { origin?: string | undefined; secFetchSite?: string | undefined },
  isOwnOrigin: (origin: string) => boolean,
): boolean {
  if (headers.origin !== undefined) return !isOwnOrigin(headers.origin)
  return headers.secFetchSite === 'cross-site'
}

/** The denial of a request from a foreign origin; `origin` is absent where the request did not say. */
export type ForeignOrigin = (origin: string | undefined) => IdentSphereError

/** In development it says what is wrong: people open http://127.0.0.1 where the setting is http://localhost. */
export function createForeignOrigin(config: { development: boolean; publicBaseUrl: URL }): ForeignOrigin {
  return (origin) => {
    if (!config.development) return new IdentSphereError('csrf_failed')
    const from = origin?.slice(0, 200) ?? 'another site'
    return new IdentSphereError('csrf_failed', {
      message: `The request came from ${from}, but the origin of publicBaseUrl is ${config.publicBaseUrl.origin}. Open the page there, set publicBaseUrl to the address that you open, or add the origin to allowedOrigins.`,
    })
  }
}

/** Characters. Longer return paths are dropped, so that no redirect outgrows what servers take as a header. */
export const longestReturnTarget = 2000

/**
 * A return path that is certain to stay on an own origin, as an absolute URL, or null.
 * Parsed as a browser would, then compared: `//x`, `/\x`, tabs, userinfo, `javascript:` and the like fall away.
 */
export function safeReturnTarget(target: unknown, base: URL, isOwnOrigin: (origin: string) => boolean): string | null {
  if (typeof target !== 'string' || target.length > longestReturnTarget) return null
  // Control characters, blanks and backslashes are dropped or turned round by URL parsers; none belongs in a path.
  if (hasControlOrBlank(target) || /\\|%5c/i.test(target) || /^\/(\/|%2f)/i.test(target)) return null
  // `https:evil` is relative in one parser and absolute in another.
  if (!/^(\/|https?:\/\/[^/])/i.test(target)) return null
  if (!URL.canParse(target, base.origin)) return null
  const url = new URL(target, base.origin)
  if (!isOwnOrigin(url.origin) || url.username !== '' || url.password !== '') return null
  if (url.pathname.startsWith('//')) return null
  return url.href
}

function hasControlOrBlank(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index)
    if (code <= 0x20 || code === 0x7f) return true
  }
  return false
}
