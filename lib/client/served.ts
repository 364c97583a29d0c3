/** The client of `GET /v1/client.js`. Its default `baseUrl` derives from its own address. */
import { type Client, createClient as create } from './client.js'
import type { ClientOptions } from './transport.js'

export { IdentSphereClientError } from './error.js'

export function createClient(options: ClientOptions = {}): Client {
  return create({ ...options, baseUrl: options.baseUrl ?? new URL('../', import.meta.url) })
}
