/**
 * The error catalog: every error code with its HTTP status, type and default text. Answers, documentation and clients derive
 * from this table. Clients switch on `code`.
 */
export const errorCatalogue = {
  invalid_input: { status: 400, type: 'validation_error', message: 'The request is not well formed.' },
  authentication_required: { status: 401, type: 'authentication_error', message: 'Sign in to continue.' },
  invalid_credentials: { status: 401, type: 'authentication_error', message: 'The credentials are not valid.' },
  mfa_required: { status: 401, type: 'mfa_required', message: 'Confirm your second factor to continue.' },
  reauthentication_required: {
    status: 401,
    type: 'authentication_error',
    message: 'Confirm your identity to continue.',
  },
  forbidden: { status: 403, type: 'authorization_error', message: 'This is not allowed.' },
  csrf_failed: { status: 403, type: 'authorization_error', message: 'CSRF check failed.' },
  license_required: { status: 403, type: 'license_required', message: 'This feature requires a license.' },
  not_found: { status: 404, type: 'not_found', message: 'Not found.' },
  conflict: { status: 409, type: 'conflict', message: 'The request conflicts with the current state.' },
  payload_too_large: { status: 413, type: 'validation_error', message: 'The request body is too large.' },
  unsupported_media_type: { status: 415, type: 'validation_error', message: 'Send the body as application/json.' },
  rate_limited: { status: 429, type: 'rate_limited', message: 'Too many attempts. Try again later.' },
  internal_error: { status: 500, type: 'internal_error', message: 'An unexpected error occurred.' },
  service_unavailable: {
    status: 503,
    type: 'service_unavailable',
    message: 'The service is temporarily unavailable. Try again later.',
  },
} as const

export type ErrorCode = keyof typeof errorCatalogue

/** Optional parts of an {@link IdentSphereError}. */
export interface IdentSphereErrorOptions {
  /** Text for people, without secrets. Default: the text of the catalog. */
  message?: string
  /** Structured facts for the client, e.g. `[{ path: 'email', message: '…' }]`. */
  details?: unknown
  /** Seconds that the client should wait. Sent as `Retry-After`. */
  retryAfterSeconds?: number
  /** The underlying error. It is logged and never sent to the client. */
  cause?: unknown
}

/**
 * A denial or failure with a stable code. Services and `identsphere.authenticate()` throw it. Routers and guards answer it as
 * JSON.
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
