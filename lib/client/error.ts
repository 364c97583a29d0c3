import type { ErrorCode } from '../core/errors.js'
import type { Reauthentication } from './types.js'

/** What to switch on: a code of the server's, or `network_error` where there was no answer of IdentSphere's. */
export type ClientErrorCode = ErrorCode | 'network_error'

/**
 * What every call of the client rejects with when it has not succeeded.
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
  /** HTTP status; 0 where there was no answer. */
  readonly status: number
  /** Names the request in the server's log, or null. */
  readonly requestId: string | null
  /** `[{ path, message }]` for `invalid_input`, `{ enrolled, methods }` for `mfa_required`; of other codes as the server says. */
  readonly details: unknown
  /** Seconds after which to try again, or null. */
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

/** The two errors that ask for a fresh proof, told apart by `code`. */
export type StepUpError = IdentSphereClientError &
  (
    | {
        readonly code: 'mfa_required'
        /** The second factors that the user has: `totp`, `passkey`. Without any, one is to be set up first. */
        readonly details: { readonly enrolled: boolean; readonly methods: readonly string[] }
      }
    | {
        readonly code: 'reauthentication_required'
        /** Where the proof has to be made for one thing: its `purpose`. */
        readonly details?: Pick<Reauthentication, 'purpose'>
      }
  )

export function isStepUp(error: IdentSphereClientError): error is StepUpError {
  return error.code === 'mfa_required' || error.code === 'reauthentication_required'
}

/** The error that an answer is. Reads a copy, so that the answer can still be read. */
export async function errorOf(response: Response): Promise<IdentSphereClientError> {
  const { status, headers } = response
  const retryAfter = Number(headers.get('Retry-After'))
  const body = await envelopeOf(response)
  return new IdentSphereClientError((body?.code as ErrorCode | undefined) ?? 'network_error', {
    message: body?.message ?? strangeAnswer(status),
    status,
    requestId: body?.request_id ?? headers.get('X-Request-Id'),
    details: body?.details,
    retryAfterSeconds: retryAfter > 0 ? retryAfter : null,
  })
}

/** The object that an answer holds. @throws IdentSphereClientError `network_error` where it was not IdentSphere that answered */
export async function objectOf(response: Response): Promise<object> {
  const { status } = response
  const body: unknown = await response.json().catch((cause: unknown) => {
    throw new IdentSphereClientError('network_error', { message: strangeAnswer(status), status, cause })
  })
  if (typeof body === 'object' && body !== null) return body
  throw new IdentSphereClientError('network_error', { message: strangeAnswer(status), status })
}

const strangeAnswer = (status: number) => `The server answered with ${status}, and not as IdentSphere does.`

interface Envelope {
  code: string
  message: string
  request_id?: string
  details?: unknown
}

/** Proxies and hosts answer in forms of their own: those are no envelope. */
async function envelopeOf(response: Response): Promise<Envelope | null> {
  if (!response.headers.get('Content-Type')?.startsWith('application/json')) return null
  const body = (await response
    .clone()
    .json()
    .catch(() => null)) as { error?: Partial<Envelope> } | null
  const error = body?.error
  return typeof error?.code === 'string' && typeof error.message === 'string' ? (error as Envelope) : null
}
