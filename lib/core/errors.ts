/**
 * The error catalogue: every code IdentSphere answers with, its HTTP status, its type and its default text.
 * Answers, documentation and clients all derive from this one table; clients switch on `code`.
 */
export const errorCatalogue = {
  invalid_input: { status: 400, type: 'validation_error', message: 'The request is not well formed.' },
  authentication_required: { status: 401, type: 'authentication_error', message: 'Sign in to continue.' },
  invalid_credentials: { status: 401, type: 'authentication_error', message: 'The credentials are not valid.' },
  mfa_required: { status: 401, type: 'mfa_required', message: 'Confirm this with a second factor.' },
  reauthentication_required: { status: 401, type: 'authentication_error', message: 'Confirm that it is you.' },
  forbidden: { status: 403, type: 'authorization_error', message: 'This is not allowed.' },
  csrf_failed: { status: 403, type: 'authorization_error', message: 'The request did not prove where it came from.' },
  license_required: { status: 403, type: 'license_required', message: 'This feature needs a licence.' },
  not_found: { status: 404, type: 'not_found', message: 'There is no such thing.' },
  conflict: { status: 409, type: 'conflict', message: 'This conflicts with what is already there.' },
  payload_too_large: { status: 413, type: 'validation_error', message: 'The request body is too large.' },
  unsupported_media_type: { status: 415, type: 'validation_error', message: 'Send the body as application/json.' },
  rate_limited: { status: 429, type: 'rate_limited', message: 'Too many attempts. Try again later.' },
  internal_error: { status: 500, type: 'internal_error', message: 'Something went wrong on our side.' },
  service_unavailable: { status: 503, type: 'service_unavailable', message: 'This cannot be answered right now.' },
} as const

export type ErrorCode = keyof typeof errorCatalogue

/** What an {@link IdentSphereError} may carry besides its code. */
export interface IdentSphereErrorOptions {
  /** Text for people; the catalogue's own when absent. Never holds secrets. */
  message?: string
  /** Structured facts for the client, e.g. `[{ path: 'email', message: '…' }]`. */
  details?: unknown
  /** Seconds a client should wait; becomes `Retry-After`. */
  retryAfterSeconds?: number
  /** What really happened: goes to the logger, never to the client. */
  cause?: unknown
}

/**
 * A denial or failure with a stable code. Thrown by services and by `identsphere.authenticate()`;
 * routers and guards turn it into the JSON envelope.
 *
 * @example
 * ```ts
 * throw new IdentSphereError('conflict', { message: 'This slug is taken.' })
 * ```
 */
export class IdentSphereError extends Error {
  readonly code: ErrorCode
  /** HTTP status of this code. */
  readonly status: number
  readonly type: string
  readonly details: unknown
  readonly retryAfterSeconds: number | undefined

  constructor(code: ErrorCode, options: IdentSphereErrorOptions = {}) {
    const entry = errorCatalogue[code]
    super(options.message ?? entry.message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'IdentSphereError'
    this.code = code
    this.status = entry.status
    this.type = entry.type
    this.details = options.details
    this.retryAfterSeconds = options.retryAfterSeconds
  }
}
