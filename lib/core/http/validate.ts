import type { IncomingMessage } from 'node:http'
import type { z } from 'zod'
import { IdentSphereError } from '../errors.js'
import { assertCleanText } from './body.js'

/** An invalid field. `path` is empty if the error concerns the whole input. */
export interface FieldError {
  readonly path: string
  readonly message: string
}

/** An `invalid_input` error with all field errors in `details`. Its message describes the first one. */
export function invalidInput(details: readonly FieldError[]): IdentSphereError {
  const [first] = details
  const message = first?.path ? `The request is not well formed: ${first.path} ${first.message}.` : undefined
  return new IdentSphereError('invalid_input', { details, ...(message && { message }) })
}

/**
 * Parses one part of a request.
 *
 * @throws IdentSphereError `invalid_input` with `details: [{ path, message }]`, which never contain values of the input
 */
export function validate(schema: z.ZodType, value: unknown): unknown {
  const parsed = schema.safeParse(value, { error: messageFor })
  if (parsed.success) return parsed.data
  throw invalidInput(
    parsed.error.issues.flatMap((issue) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((key) => ({ path: [...issue.path, key].join('.'), message: 'is not a known field' }))
        : [{ path: issue.path.join('.'), message: issue.message }],
    ),
  )
}

/** The end of a sentence that starts with the field's name, for schemas without their own message. */
export function messageFor(issue: z.core.$ZodRawIssue): string {
  if (issue.input === undefined) return 'is required'
  switch (issue.code) {
    case 'invalid_type':
      return `must be of type ${issue.expected}`
    case 'invalid_value':
      return `must be ${issue.values.map((value) => JSON.stringify(value)).join(' or ')}`
    case 'too_small':
      return issue.minimum === 1 && issue.origin !== 'number'
        ? 'must not be empty'
        : `must be at least ${amount(issue.minimum, issue.origin)}`
    case 'too_big':
      return `must be at most ${amount(issue.maximum, issue.origin)}`
    case 'invalid_format':
      return issue.format === 'uuid' ? 'must be a UUID' : `must have the format ${issue.format}`
    default:
      return 'is not valid'
  }
}

function amount(limit: number | bigint, origin: string): string {
  if (origin === 'string') return `${limit} characters long`
  return origin === 'array' ? `${limit} items long` : String(limit)
}

/** The query string as an object. A repeated key is refused, because parsers differ in which value they use. */
export function readQuery(request: IncomingMessage): Record<string, string> {
  const query: Record<string, string> = Object.create(null)
  const start = request.url?.indexOf('?') ?? -1
  if (start === -1) return query
  for (const [key, value] of new URLSearchParams(request.url?.slice(start + 1))) {
    if (key in query) {
      throw invalidInput([{ path: key, message: 'must not be given more than once' }])
    }
    assertCleanText(value)
    query[key] = value
  }
  return query
}
