import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Logger } from '../config/logger.js'
import type { RequestContext } from '../context.js'
import { errorCatalogue, IdentSphereError } from '../errors.js'
import type { CookieJar } from './cookies.js'
import type { Reply } from './route.js'

/** Writes answers. No other module writes to a response. */
export interface Responder {
  send(response: ServerResponse, reply: Reply, context: RequestContext, cacheControl?: string): void
  /** Answers an error as JSON. An error that is not an `IdentSphereError` is translated first. Errors from 500 are logged. */
  fail(request: IncomingMessage, response: ServerResponse, error: unknown, context: RequestContext): void
}

export function createResponder(options: {
  /** Absent if no cookies are used. */
  cookies?: CookieJar
  logger: Logger
  /** Translates errors of the database or of a library. */
  translate: (error: unknown) => IdentSphereError
  /** `WWW-Authenticate` of an error, or null. Default: `Bearer` if sign-in is required (RFC 9110 section 11.6.1). */
  challenge?: (error: IdentSphereError) => string | null
}): Responder {
  const { cookies: jar, challenge = bareChallenge } = options

  function write(response: ServerResponse, reply: Reply, context: RequestContext, cacheControl: string): void {
    if (response.headersSent || response.destroyed) return
    response.statusCode = reply.status
    response.setHeader('Cache-Control', cacheControl)
    response.setHeader('X-Content-Type-Options', 'nosniff')
    response.setHeader('X-Request-Id', context.requestId)
    if (jar !== undefined && reply.cookies !== undefined && reply.cookies.length > 0) {
      const before = response.getHeader('Set-Cookie')
      const others = before === undefined ? [] : Array.isArray(before) ? before : [String(before)]
      response.setHeader('Set-Cookie', [...others, ...reply.cookies.map((change) => jar.serialize(change))])
    }
    if (reply.location !== undefined) response.setHeader('Location', reply.location)
    for (const [name, value] of Object.entries(reply.headers ?? {})) response.setHeader(name, value)
    const cachedETag = response.req?.headers['if-none-match']?.replace(/^W\//, '')
    if (cachedETag !== undefined && cachedETag === reply.headers?.ETag) {
      // RFC 9110 section 13.1.2: the client already has this content.
      response.statusCode = 304
      response.end()
      return
    }
    const text = reply.content?.text ?? (reply.body === undefined ? undefined : JSON.stringify(reply.body))
    if (text === undefined) {
      response.end()
      return
    }
    response.setHeader('Content-Type', reply.content?.type ?? 'application/json; charset=utf-8')
    response.setHeader('Content-Length', Buffer.byteLength(text))
    response.end(text)
  }

  return {
    send: (response, reply, context, cacheControl = 'no-store') => write(response, reply, context, cacheControl),
    fail(request, response, thrown, context) {
      const error = thrown instanceof IdentSphereError ? thrown : options.translate(thrown)
      if (error.status >= 500) {
        options.logger.error({ err: error.cause ?? error, requestId: context.requestId }, error.message)
      }
      if (response.headersSent || response.destroyed) return
      if (error.retryAfterSeconds !== undefined) response.setHeader('Retry-After', error.retryAfterSeconds)
      else if (error.status === 503) response.setHeader('Retry-After', 1)
      const authenticate = challenge(error)
      if (authenticate !== null) response.setHeader('WWW-Authenticate', authenticate)
      const details = error.details === undefined ? {} : { details: error.details }
      const message = error.status >= 500 ? errorCatalogue[error.code].message : error.message
      const body = {
        error: { code: error.code, message, type: error.type, request_id: context.requestId, ...details },
      }
      const conflicting = error.status === 401 ? (jar?.conflicting(request.headers.cookie) ?? []) : []
      const cookies = conflicting.map((name) => ({ name, value: null }))
      write(response, { status: error.status, body, cookies }, context, 'no-store')
    },
  }
}

function bareChallenge({ code }: IdentSphereError): string | null {
  return code === 'authentication_required' ? 'Bearer' : null
}
