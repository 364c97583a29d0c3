import type { IncomingMessage } from 'node:http'
import type { RequestContext } from '../context.js'
import { uuidv7 } from '../crypto/random.js'
import { plainAddress } from '../net/client-address.js'

/** The value of a header, or null if it is absent or was sent more than once. */
export function header(request: IncomingMessage, name: string): string | null {
  const value = request.headers[name]
  return typeof value === 'string' ? value : null
}

export function requestContext(request: IncomingMessage): RequestContext {
  const ip = (request as { ip?: unknown }).ip
  const address = typeof ip === 'string' ? ip : request.socket?.remoteAddress
  return {
    requestId: requestId(request),
    ipAddress: address === undefined ? null : plainAddress(address),
    userAgent: header(request, 'user-agent')?.slice(0, 512) ?? null,
  }
}

/** The host's request id (pino-http and others set `req.id`), or else a new one. */
function requestId(request: IncomingMessage): string {
  const id = (request as { id?: unknown }).id
  return typeof id === 'string' && /^[\w.:-]{1,128}$/.test(id) ? id : uuidv7()
}

/** The token of an `Authorization: Bearer` header (RFC 6750 section 2.1), or null if it has any other form. */
export function bearerToken(authorization: string | null): string | null {
  return /^Bearer ([\w.~+/-]+=*)$/i.exec(authorization ?? '')?.[1] ?? null
}
