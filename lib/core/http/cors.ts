import type { IncomingMessage, ServerResponse } from 'node:http'
import { header } from './request-context.js'

/**
 * Which pages may read an answer. `own`: pages of own origins, with cookies. `anyone`: all pages, without cookies, for public
 * data.
 */
export type Readers = 'own' | 'anyone'

/** Allows pages of own origins to call our routes and to read the answers (Fetch standard, "CORS protocol"). */
export interface Cors {
  /** Sets the CORS headers of an answer. They replace CORS headers that the host has set before. */
  mark(request: IncomingMessage, response: ServerResponse, readers?: Readers): void
  answerPreflight(request: IncomingMessage, response: ServerResponse, readers?: Readers): void
}

/** The method that a preflight asks for, or null if the request is not a preflight. */
export function preflightMethod(request: IncomingMessage): string | null {
  return request.headers.origin === undefined ? null : header(request, 'access-control-request-method')
}

/** Request headers that our routes read. The preflight's own list is not repeated, because it can hold anything of any length. */
const requestHeaders = 'Content-Type, Authorization, X-IdentSphere-CSRF, X-CSRF-Token, X-IdentSphere-Organization'
const answerHeaders = 'Retry-After, X-Request-Id, WWW-Authenticate'
/** Browsers cache a preflight for so long. An origin that is no longer allowed can stay in that cache. */
const preflightMaxAgeSeconds = 600

export function createCors(isOwnOrigin: (origin: string) => boolean): Cors {
  function mark(request: IncomingMessage, response: ServerResponse, readers: Readers = 'own'): boolean {
    response.removeHeader('Access-Control-Allow-Credentials')
    if (readers === 'anyone') {
      response.setHeader('Access-Control-Allow-Origin', '*')
      return true
    }
    varyByOrigin(response)
    const { origin } = request.headers
    if (origin === undefined || !isOwnOrigin(origin)) {
      response.removeHeader('Access-Control-Allow-Origin')
      return false
    }
    response.setHeader('Access-Control-Allow-Origin', origin)
    response.setHeader('Access-Control-Allow-Credentials', 'true')
    return true
  }

  return {
    mark(request, response, readers) {
      if (mark(request, response, readers)) response.setHeader('Access-Control-Expose-Headers', answerHeaders)
    },
    answerPreflight(request, response, readers) {
      const method = preflightMethod(request)
      if (method !== null && mark(request, response, readers)) {
        response.setHeader('Access-Control-Allow-Methods', method)
        response.setHeader('Access-Control-Allow-Headers', requestHeaders)
        response.setHeader('Access-Control-Max-Age', preflightMaxAgeSeconds)
      }
      response.statusCode = 204
      response.setHeader('Content-Length', 0)
      response.end()
    },
  }
}

/** Caches must store one answer per origin. A `Vary` header that the host has set is kept. */
function varyByOrigin(response: ServerResponse): void {
  const before = [response.getHeader('Vary') ?? []].flat().join(', ')
  if (/(^|,)\s*(\*|origin)\s*(,|$)/i.test(before)) return
  response.setHeader('Vary', before === '' ? 'Origin' : `${before}, Origin`)
}
