/** The client as `GET /v1/client.js` serves it: it knows the mount from where it was loaded. */
import { type Client, createClient as create } from './client.js'
import type { ClientOptions } from './transport.js'

export { IdentSphereClientError } from './error.js'

export function createClient(options: ClientOptions = {}): Client {
  return create({ ...options, baseUrl: options.baseUrl ?? new URL('../', import.meta.url) })
}
