import type { Logger } from '../core/config/logger.js'

const line =
  (level: string) =>
  (facts: object, message?: string): void => {
    const { err, ...rest } = facts as { err?: unknown }
    const cause = err instanceof Error ? { error: err.message } : {}
    console.error(JSON.stringify({ level, ...(message === undefined ? {} : { message }), ...rest, ...cause }))
  }

/** One line of JSON each, to the standard error stream, but for debugging. */
export const consoleLogger: Logger = {
  debug() {},
  info: line('info'),
  warn: line('warn'),
  error: line('error'),
}
