import type { IncomingMessage } from 'node:http'
import { uuidv7 } from './crypto/random.js'
import { plainAddress } from './net/client-address.js'

/** What a service may know of the request it serves. Plain values, no Express types. */
export interface RequestContext {
  readonly requestId: string
  /** `req.ip` as the host's `trust proxy` made it, else the socket's address; IPv4 is written as IPv4. */
  readonly ipAddress: string | null
  readonly userAgent: string | null
}

/** Reads a header that must be single: the text, or null. */
export function header(request: IncomingMessage, name: string): string | null {
  const value = request.headers[name]
  return typeof value === 'string' ? value : null
}

/** The host's own request id (pino-http and others set `req.id`), else a new one. */
function requestId(request: IncomingMessage): string {
  const id = (request as { id?: unknown }).id
  return typeof id === 'string' && /^[\w.:-]{1,128}$/.test(id) ? id : uuidv7()
}

/** For what the host's own code does, outside any request. */
export function noRequest(): RequestContext {
  return { requestId: uuidv7(), ipAddress: null, userAgent: null }
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

/** The token of an `Authorization: Bearer` header (RFC 6750 section 2.1), or null where it has any other form. */
export function bearerToken(authorization: string | null): string | null {
  return /^Bearer ([\w.~+/-]+=*)$/i.exec(authorization ?? '')?.[1] ?? null
}
