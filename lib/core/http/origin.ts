import { IdentSphereError } from '../errors.js'

/** Methods that change nothing (RFC 9110 section 9.2.1). Every other method is unsafe. */
const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS'])

export function isUnsafe(method: string): boolean {
  return !safeMethods.has(method)
}

/**
 * Whether another site may have sent the request, by its `Origin` or by Fetch Metadata. A request with neither header does not
 * come from a browser.
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

/** Makes the error for a request from a foreign origin. `origin` is undefined if the request has no `Origin` header. */
export type ForeignOrigin = (origin: string | undefined) => IdentSphereError

/** In development the message names both origins. A common mistake is http://127.0.0.1 instead of http://localhost. */
export function createForeignOrigin(config: { development: boolean; publicBaseUrl: URL }): ForeignOrigin {
  return (origin) => {
    if (!config.development) return new IdentSphereError('csrf_failed')
    const from = origin?.slice(0, 200) ?? 'another site'
    return new IdentSphereError('csrf_failed', {
      message: `The request came from ${from}, but the origin of publicBaseUrl is ${config.publicBaseUrl.origin}. Open the page there, set publicBaseUrl to the address that you open, or add the origin to allowedOrigins.`,
    })
  }
}

/** Longer return paths are dropped, because servers limit the size of headers. */
export const maxReturnTargetCharacters = 2000

/**
 * Returns the return path as an absolute URL, or null if it could leave the own origins. The path is parsed as browsers do, and
 * its origin is compared. `//x`, `/\x`, tabs, userinfo and `javascript:` are refused.
 */
export function safeReturnTarget(target: unknown, base: URL, isOwnOrigin: (origin: string) => boolean): string | null {
  if (typeof target !== 'string' || target.length > maxReturnTargetCharacters) return null
  // URL parsers drop control characters and blanks, and turn backslashes into slashes. A valid path has none of them.
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
