/** The part of pino's interface that IdentSphere writes to. Facts first, text second. */
export interface Logger {
  debug(facts: object, message?: string): void
  info(facts: object, message?: string): void
  warn(facts: object, message?: string): void
  error(facts: object, message?: string): void
}

const nothing = () => {}

export const silentLogger: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing }

/** What a logged error keeps of its own fields: none that can hold a value of a row or a request. */
const loggedFields = ['name', 'code', 'severity', 'schema', 'table', 'constraint', 'routine', 'syscall'] as const

/**
 * The same logger, whose `err` never shows values: Knex writes a statement's bindings into the message of its error, Postgres
 * a row into `detail`, and HTTP clients keep the whole request. Message and stack are those that the error was made with.
 */
export function withoutValues(logger: Logger): Logger {
  const careful = (facts: object) => ('err' in facts ? { ...facts, err: loggable(facts.err) } : facts)
  return {
    debug: (facts, message) => logger.debug(careful(facts), message),
    info: (facts, message) => logger.info(careful(facts), message),
    warn: (facts, message) => logger.warn(careful(facts), message),
    error: (facts, message) => logger.error(careful(facts), message),
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
