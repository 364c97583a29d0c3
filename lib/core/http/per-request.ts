import type { IncomingMessage } from 'node:http'

/** A value per request that belongs to one instance of IdentSphere. */
export interface PerRequest<T> {
  get(request: IncomingMessage): T | undefined
  set(request: IncomingMessage, value: T | undefined): void
}

/**
 * Stores the value in a property of the request. Other middleware cannot read it, because the symbol never leaves this
 * function. A WeakMap would also work, but tens of thousands of short-lived keys per second slow down garbage collection.
 */
export function perRequest<T>(): PerRequest<T> {
  const key = Symbol('identsphere')
  type Carrier = IncomingMessage & { [key]?: T | undefined }
  return {
    get: (request) => (request as Carrier)[key],
    set(request, value) {
      ;(request as Carrier)[key] = value
    },
  }
}
