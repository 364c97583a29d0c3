import { uuidv7 } from './crypto/random.js'

/** What a service may know of the request that it serves. Plain values, no Express types. */
export interface RequestContext {
  readonly requestId: string
  /** `req.ip` as the host's `trust proxy` made it, else the socket's address. IPv4 is written as IPv4. */
  readonly ipAddress: string | null
  readonly userAgent: string | null
}

/** For what the host's own code does, outside any request. */
export function noRequest(): RequestContext {
  return { requestId: uuidv7(), ipAddress: null, userAgent: null }
}
