/** The part of pino's interface that IdentSphere uses. */
export interface Logger {
  debug(facts: object, message?: string): void
  info(facts: object, message?: string): void
  warn(facts: object, message?: string): void
  error(facts: object, message?: string): void
}

const ignore = () => {}

export const silentLogger: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore }

/** Fields of an error that are logged. None of them can hold values of a row or a request. */
const loggedFields = ['name', 'code', 'severity', 'schema', 'table', 'constraint', 'routine', 'syscall'] as const

/**
 * Wraps a logger so that `err` never shows values of rows or requests. Knex writes the bindings of a statement into the message
 * of its error. Postgres writes a row into `detail`. HTTP clients attach the whole request. The logged message and stack are
 * the ones that the error was created with.
 */
export function withoutValues(logger: Logger): Logger {
  const clean = (facts: object) => ('err' in facts ? { ...facts, err: loggable(facts.err) } : facts)
  return {
    debug: (facts, message) => logger.debug(clean(facts), message),
    info: (facts, message) => logger.info(clean(facts), message),
    warn: (facts, message) => logger.warn(clean(facts), message),
    error: (facts, message) => logger.error(clean(facts), message),
  }
}

function loggable(thrown: unknown): unknown {
  if (!(thrown instanceof Error)) return `thrown: ${typeof thrown}`
  const stack = thrown.stack ?? ''
  const [heading = ''] = stack.split('\n    at ', 1)
  const copy = new Error(heading.replace(/^[\w.]*(?: \[\w+\])?: /, ''))
  copy.stack = stack
  for (const field of loggedFields) {
    if (field in thrown)
      Object.defineProperty(copy, field, { value: thrown[field as never], enumerable: field !== 'name' })
  }
  if (thrown.cause !== undefined) copy.cause = loggable(thrown.cause)
  return copy
}
