import { IdentSphereError } from '../errors.js'

/** SQLSTATE classes in which Postgres cannot answer: connection, resources, operator intervention, system. */
const unavailableClasses = new Set(['08', '53', '57', '58', 'XX'])
/** Read-only server, missing table, column or schema, no privilege, waiting too long for a lock. */
const unavailableStates = new Set(['25006', '42P01', '42703', '3F000', '3D000', '42501', '55P03', '28000', '28P01'])
const unavailableSystemCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
])

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : ''
}

/** A transaction that may succeed when it runs again: serialisation failure or deadlock. */
export function isRetryable(error: unknown): boolean {
  return codeOf(error) === '40001' || codeOf(error) === '40P01'
}

/**
 * Anything that was thrown → the catalogue. A database that cannot answer is 503 (denied, never allowed); whatever else
 * is not from the catalogue is a bug and 500.
 */
export function translateError(error: unknown): IdentSphereError {
  if (error instanceof IdentSphereError) return error
  return new IdentSphereError(isUnavailable(error) ? 'service_unavailable' : 'internal_error', { cause: error })
}

function isUnavailable(error: unknown): boolean {
  const code = codeOf(error)
  if (/^[0-9A-Z]{5}$/.test(code)) {
    return unavailableStates.has(code) || unavailableClasses.has(code.slice(0, 2)) || isRetryable(error)
  }
  if (unavailableSystemCodes.has(code)) return true
  if (error instanceof AggregateError) return error.errors.some(isUnavailable)
  const { name, message } = error instanceof Error ? error : { name: '', message: '' }
  return (
    name === 'KnexTimeoutError' ||
    name === 'TimeoutError' ||
    // Knex puts the statement in front.
    /(?:^| - )(Connection terminated|Client has encountered a connection error|Client was closed|Query read timeout|timeout expired|timeout exceeded|Unable to acquire a connection|aborted$)/.test(
      message,
    )
  )
}
