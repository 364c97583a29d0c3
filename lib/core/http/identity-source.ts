import type { IncomingMessage } from 'node:http'

/** `Headers` of fetch, of any realm or library. */
export interface HeadersLike {
  get(name: string): string | null
}

/** `Request` of fetch, of any realm or library. */
export interface RequestLike {
  readonly method: string
  readonly headers: HeadersLike
}

/** Where the credentials are: a request of Node's or of Express, a `Request` of fetch, or only its `Headers`. */
export type IdentitySource = IncomingMessage | RequestLike | HeadersLike

/**
 * Told apart by shape, as a class of another realm or library is not the one of this file. `req` of Express has a `get` and
 * the `headers()` of Next.js have `headers`, so neither says much; only a request has a method. The values in Node's
 * `headers` are texts: no client can make them look like fetch's.
 */
export function isHeaders(source: IdentitySource): source is HeadersLike {
  return isGettable(source) && typeof (source as Partial<RequestLike>).method !== 'string'
}

/** Whether it is a request of Node's; else it is one of fetch's, or its headers. */
export function isMessage(source: IdentitySource): source is IncomingMessage {
  return !isHeaders(source) && !isGettable(source.headers)
}

function isGettable(value: unknown): value is HeadersLike {
  return typeof (value as Partial<HeadersLike> | null | undefined)?.get === 'function'
}

/** For callers in JavaScript: whether it is any of these at all. */
export function isSource(source: unknown): source is IdentitySource {
  if (typeof source !== 'object' || source === null) return false
  const { headers } = source as { headers?: unknown }
  return (typeof headers === 'object' && headers !== null) || isHeaders(source as IdentitySource)
}

/** The headers of what is no request of Node's. */
export function headersOf(source: RequestLike | HeadersLike): HeadersLike {
  return isHeaders(source) ? source : source.headers
}
