import type { IncomingMessage, ServerResponse } from 'node:http'
import { header } from './request-context.js'

/** `own`, the default: own origins, with cookies. `anyone`: what is public, without. */
export type Readers = 'own' | 'anyone'

/** Lets pages of other own origins call our routes and read the answers (Fetch standard, "CORS protocol"). */
export interface Cors {
  /** Marks an answer: an own origin may read it, with cookies; a foreign one may not, whatever the host has set before. */
  mark(request: IncomingMessage, response: ServerResponse, readers?: Readers): void
  /** Answers the preflight of a method that the path has. */
  answerPreflight(request: IncomingMessage, response: ServerResponse, readers?: Readers): void
}

/** The method that a preflight asks for, or null where the request is none. */
export function preflightMethod(request: IncomingMessage): string | null {
  return request.headers.origin === undefined ? null : header(request, 'access-control-request-method')
}

/** Request headers that our routes read. Never what the preflight asks for: that may be anything, of any length. */
const requestHeaders = 'Content-Type, Authorization, X-IdentSphere-CSRF, X-CSRF-Token, X-IdentSphere-Organization'
const answerHeaders = 'Retry-After, X-Request-Id, WWW-Authenticate'
/** Seconds for which a browser may remember a preflight, and so an origin that is no longer allowed. */
const rememberedSeconds = 600

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
        response.setHeader('Access-Control-Max-Age', rememberedSeconds)
      }
      response.statusCode = 204
      response.setHeader('Content-Length', 0)
      response.end()
    },
  }
}

/** Caches keep an answer for each origin apart. What the host has set before stays. */
function varyByOrigin(response: ServerResponse): void {
  const before = [response.getHeader('Vary') ?? []].flat().join(', ')
  if (/(^|,)\s*(\*|origin)\s*(,|$)/i.test(before)) return
  response.setHeader('Vary', before === '' ? 'Origin' : `${before}, Origin`)
}
