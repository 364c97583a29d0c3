import type { IncomingMessage } from 'node:http'

/** A value that one instance of IdentSphere keeps with a request. */
export interface PerRequest<T> {
  get(request: IncomingMessage): T | undefined
  set(request: IncomingMessage, value: T | undefined): void
}

/**
 * Keeps a value with each request, out of reach of other middleware: the property's symbol never leaves this closure. A
 * WeakMap would say the same, but tens of thousands of short-lived keys a second keep the garbage collector busy.
 */
export function perRequest<T>(): PerRequest<T> {
  const key = Symbol('identsphere')
  type Keeping = IncomingMessage & { [key]?: T | undefined }
  return {
    get: (request) => (request as Keeping)[key],
    set(request, value) {
      ;(request as Keeping)[key] = value
    },
  }
}
