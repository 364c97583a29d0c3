import type { Logger } from '../config/logger.js'
import { sha256 } from '../crypto/digest.js'

/**
 * Names under which statements are prepared, one set for all connections of an instance. A name derives from schema and text,
 * so no statement of another instance on the same connection can ever run in its place.
 */
export interface StatementNames {
  /** The name of a text, or undefined if it has to be sent without one. */
  of(schema: string, text: string): string | undefined
  /**
   * Gives up the name of a text, or all names, if that is why the text failed under its name.
   *
   * @returns whether the statement can be sent again, without a name
   */
  giveUp(schema: string, text: string, error: unknown): boolean
  /** Every text so far. Values are bound, so the number of texts is bounded too. */
  texts(): string[]
}

/**
 * Behind a proxy that pools transactions, a connection may change between two statements. Without support for prepared
 * statements the next server knows no such name, knows it from somebody else, or the proxy itself refuses it.
 *
 * @see https://www.pgbouncer.org/config.html#max_prepared_statements
 */
const unknownName = '26000'
const duplicateName = '42P05'
const protocolViolation = '08P01'

export function createStatementNames(logger: Logger): StatementNames {
  const schemas = new Map<string, Map<string, string | undefined>>()
  let areKept = true

  function namesIn(schema: string): Map<string, string | undefined> {
    const known = schemas.get(schema)
    if (known !== undefined) return known
    const names = new Map<string, string | undefined>()
    schemas.set(schema, names)
    return names
  }

  return {
    of(schema, text) {
      const names = namesIn(schema)
      const known = names.get(text)
      if (known !== undefined || names.has(text)) return areKept ? known : undefined
      const name = nameOf(schema, text)
      names.set(text, name)
      return areKept ? name : undefined
    },

    giveUp(schema, text, error) {
      const { code, routine } = (error ?? {}) as { code?: string; routine?: string }
      // A migration changed a column of the answer. This process will soon be replaced by one that knows it.
      if (code === '0A000' && routine === 'RevalidateCachedQuery') {
        namesIn(schema).set(text, undefined)
        return true
      }
      if (code !== unknownName && code !== duplicateName && code !== protocolViolation) return false
      if (areKept) {
        logger.warn(
          { err: error },
          'the database, or a proxy in front of it, keeps no prepared statements, so they are sent without names: set ' +
            'max_prepared_statements in PgBouncer',
        )
      }
      areKept = false
      return true
    },

    texts: () => [...schemas.values()].flatMap((names) => [...names.keys()]),
  }
}

/** 128 bits of a hash. Names of Postgres have at most 63 bytes. */
function nameOf(schema: string, text: string): string {
  return `identsphere_${sha256(`${schema}\n${text}`).toString('base64url').slice(0, 22)}`
}
