import type { IncomingMessage } from 'node:http'
import type { z } from 'zod'
import { IdentSphereError } from '../errors.js'
import { assertCleanText } from './body.js'

/** One field that does not fit. `path` is empty for the whole of what was sent. */
export interface FieldError {
  readonly path: string
  readonly message: string
}

/** `invalid_input` with all field errors in `details`; the text names the first one. */
export function invalidInput(details: readonly FieldError[]): IdentSphereError {
  const [first] = details
  const message = first?.path ? `The request is not well formed: ${first.path} ${first.message}.` : undefined
  return new IdentSphereError('invalid_input', { details, ...(message && { message }) })
}

/**
 * Parses one part of a request.
 *
 * @throws IdentSphereError `invalid_input` with `details: [{ path, message }]`; values are never echoed
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

/** What is said after the name of a field, where its schema has no words of its own. */
export function messageFor(issue: z.core.$ZodRawIssue): string {
  if (issue.input === undefined) return 'is required'
  switch (issue.code) {
    case 'invalid_type':
      return `must be of type ${issue.expected}`
    case 'invalid_value':
      return `must be ${issue.values.map((value) => JSON.stringify(value)).join(' or ')}`
    case 'too_small':
      return issue.minimum === 1 ? 'may not be empty' : `is shorter than ${issue.minimum}`
    case 'too_big':
      return `is longer than ${issue.maximum}`
    case 'invalid_format':
      return `is not a ${issue.format}`
    default:
      return 'is not valid'
  }
}

/** The query string as an object of texts. A key given twice is refused, so that no two readers pick differently. */
export function readQuery(request: IncomingMessage): Record<string, string> {
  const query: Record<string, string> = Object.create(null)
  const start = request.url?.indexOf('?') ?? -1
  if (start === -1) return query
  for (const [key, value] of new URLSearchParams(request.url?.slice(start + 1))) {
    if (key in query) {
      throw invalidInput([{ path: key, message: 'is given more than once' }])
    }
    assertCleanText(value)
    query[key] = value
  }
  return query
}
