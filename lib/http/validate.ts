import type { IncomingMessage } from 'node:http'
import { z } from 'zod'
import { assertCleanText } from './body.js'
import { IdentSphereError } from './errors.js'

/**
 * Parses one part of a request.
 *
 * @throws IdentSphereError `invalid_input` with `details: [{ path, message }]`; values are never echoed
 */
export function validate(schema: z.ZodType, value: unknown): unknown {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  throw new IdentSphereError('invalid_input', {
    details: parsed.error.issues.flatMap((issue) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((key) => ({ path: [...issue.path, key].join('.'), message: 'is not a known field' }))
        : [{ path: issue.path.join('.'), message: issue.message }],
    ),
  })
}

/** The query string as an object of texts. A key given twice is refused, so that no two readers pick differently. */
export function readQuery(request: IncomingMessage): Record<string, string> {
  const query: Record<string, string> = Object.create(null)
  const start = request.url?.indexOf('?') ?? -1
  if (start === -1) return query
  for (const [key, value] of new URLSearchParams(request.url?.slice(start + 1))) {
    if (key in query) {
      throw new IdentSphereError('invalid_input', { details: [{ path: key, message: 'is given more than once' }] })
    }
    assertCleanText(value)
    query[key] = value
  }
  return query
}

/** Text that a column can hold, without spaces around it. */
export function plainText(longest: number) {
  return z
    .string()
    .refine((text) => !text.includes('\u0000') && text.isWellFormed(), 'may not hold NUL or lone surrogates')
    .trim()
    .min(1)
    .max(longest)
}
