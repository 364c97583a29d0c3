import type { Logger } from '../core/config/logger.js'

const line =
  (level: string) =>
  (facts: object, message?: string): void => {
    const { err, ...others } = facts as { err?: unknown }
    const cause = err instanceof Error ? { error: err.message } : {}
    console.error(JSON.stringify({ level, ...(message === undefined ? {} : { message }), ...others, ...cause }))
  }

/** Writes each entry as one line of JSON to standard error. It ignores `debug`. */
export const consoleLogger: Logger = {
  debug() {},
  info: line('info'),
  warn: line('warn'),
  error: line('error'),
}
