import { uuidv7 } from './crypto/random.js'

/** Facts about the current request for services. Plain values, no Express types. */
export interface RequestContext {
  readonly requestId: string
  /** `req.ip`, which follows the host's `trust proxy` setting, or else the socket's address. IPv4 is written as IPv4. */
  readonly ipAddress: string | null
  readonly userAgent: string | null
}

/** Context for calls from the host's own code, outside any request. */
export function noRequest(): RequestContext {
  return { requestId: uuidv7(), ipAddress: null, userAgent: null }
}
