import type { IncomingMessage } from 'node:http'

/** `Headers` of fetch, from any realm or library. */
export interface HeadersLike {
  get(name: string): string | null
}

/** `Request` of fetch, from any realm or library. */
export interface RequestLike {
  readonly method: string
  readonly headers: HeadersLike
}

/** Source of the credentials: a request of Node.js or Express, a `Request` of fetch, or its `Headers`. */
export type IdentitySource = IncomingMessage | RequestLike | HeadersLike

/**
 * Tests the shape, because `instanceof` fails for classes of another realm or library. `req` of Express also has `get`, and
 * `headers()` of Next.js also has `headers`. Only a request has a method. Values in the `headers` of Node.js are always text,
 * so a client cannot make them look like `Headers` of fetch.
 */
export function isHeaders(source: IdentitySource): source is HeadersLike {
  return isGettable(source) && typeof (source as Partial<RequestLike>).method !== 'string'
}

/** Whether the source is a request of Node.js. */
export function isMessage(source: IdentitySource): source is IncomingMessage {
  return !isHeaders(source) && !isGettable(source.headers)
}

function isGettable(value: unknown): value is HeadersLike {
  return typeof (value as Partial<HeadersLike> | null | undefined)?.get === 'function'
}

/** Whether the value is a source at all. Callers in JavaScript can pass anything. */
export function isSource(source: unknown): source is IdentitySource {
  if (typeof source !== 'object' || source === null) return false
  const { headers } = source as { headers?: unknown }
  return (typeof headers === 'object' && headers !== null) || isHeaders(source as IdentitySource)
}

export function headersOf(source: RequestLike | HeadersLike): HeadersLike {
  return isHeaders(source) ? source : source.headers
}
