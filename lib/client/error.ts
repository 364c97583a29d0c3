import type { ErrorCode } from '../core/errors.js'
import type { Reauthentication } from './types.js'

/** A code of the server, or `network_error` if IdentSphere did not answer. */
export type ClientErrorCode = ErrorCode | 'network_error'

/**
 * The error of a failed call of the client.
 *
 * @example
 * ```ts
 * try {
 *   await client.signIn.password({ email, password })
 * } catch (error) {
 *   if (error instanceof IdentSphereClientError && error.code === 'rate_limited') wait(error.retryAfterSeconds)
 *   else throw error
 * }
 * ```
 */
export class IdentSphereClientError extends Error {
  readonly code: ClientErrorCode
  /** HTTP status, or 0 without an answer. */
  readonly status: number
  /** Id of the request in the server's log, or null. */
  readonly requestId: string | null
  /** `[{ path, message }]` for `invalid_input`, `{ enrolled, methods }` for `mfa_required`. */
  readonly details: unknown
  /** Seconds to wait before the next attempt, or null. */
  readonly retryAfterSeconds: number | null

  constructor(
    code: ClientErrorCode,
    facts: {
      message: string
      status: number
      requestId?: string | null
      details?: unknown
      retryAfterSeconds?: number | null
      cause?: unknown
    },
  ) {
    super(facts.message, facts.cause === undefined ? undefined : { cause: facts.cause })
    this.name = 'IdentSphereClientError'
    this.code = code
    this.status = facts.status
    this.requestId = facts.requestId ?? null
    this.details = facts.details
    this.retryAfterSeconds = facts.retryAfterSeconds ?? null
  }
}

/** The errors that require a step-up. */
export type StepUpError = IdentSphereClientError &
  (
    | {
        readonly code: 'mfa_required'
        /** The enrolled second factors, e.g. `totp`, `passkey`. If there are none, the user has to enroll one first. */
        readonly details: { readonly enrolled: boolean; readonly methods: readonly string[] }
      }
    | {
        readonly code: 'reauthentication_required'
        /** The required `purpose` of the reauthentication, if any. */
        readonly details?: Pick<Reauthentication, 'purpose'>
      }
  )

export function isStepUp(error: IdentSphereClientError): error is StepUpError {
  return error.code === 'mfa_required' || error.code === 'reauthentication_required'
}

/** Makes the error of a failed answer. It reads a copy, so the answer stays readable. */
export async function errorOf(response: Response): Promise<IdentSphereClientError> {
  const { status, headers } = response
  const retryAfter = Number(headers.get('Retry-After'))
  const body = await envelopeOf(response)
  return new IdentSphereClientError((body?.code as ErrorCode | undefined) ?? 'network_error', {
    message: body?.message ?? unexpectedAnswer(status),
    status,
    requestId: body?.request_id ?? headers.get('X-Request-Id'),
    details: body?.details,
    retryAfterSeconds: retryAfter > 0 ? retryAfter : null,
  })
}

/** Reads the object in an answer. @throws IdentSphereClientError `network_error` if the answer is not from IdentSphere */
export async function objectOf(response: Response): Promise<object> {
  const { status } = response
  const body: unknown = await response.json().catch((cause: unknown) => {
    throw new IdentSphereClientError('network_error', { message: unexpectedAnswer(status), status, cause })
  })
  if (typeof body === 'object' && body !== null) return body
  throw new IdentSphereClientError('network_error', { message: unexpectedAnswer(status), status })
}

const unexpectedAnswer = (status: number) => `The server sent an unexpected answer (status ${status}).`

interface Envelope {
  code: string
  message: string
  request_id?: string
  details?: unknown
}

/** Returns null if the answer is not from IdentSphere, but e.g. from a proxy. */
async function envelopeOf(response: Response): Promise<Envelope | null> {
  if (!response.headers.get('Content-Type')?.startsWith('application/json')) return null
  const body = (await response
    .clone()
    .json()
    .catch(() => null)) as { error?: Partial<Envelope> } | null
  const error = body?.error
  return typeof error?.code === 'string' && typeof error.message === 'string' ? (error as Envelope) : null
}
