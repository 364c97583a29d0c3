/** Schemas that the options of several features use. */
import { z } from 'zod'
import type { Logger } from './logger.js'

export const callable = <T>() => z.custom<T>((value) => typeof value === 'function', 'must be a function')

export const seconds = (minimum: number, maximum: number) => z.int().min(minimum).max(maximum)

/** An address on an own origin, or a path. */
export const pageAddress = z
  .string()
  .regex(/^(\/(?![/\\])|https?:\/\/[^/])[^\s\\]*$/, 'must be a path such as /sign-in, or an address on an own origin')

export const loggerSchema = z.custom<Logger>(
  (value) =>
    ['debug', 'info', 'warn', 'error'].every(
      (level) => typeof (value as Record<string, unknown> | null)?.[level] === 'function',
    ),
  'must have the functions debug, info, warn and error',
)
