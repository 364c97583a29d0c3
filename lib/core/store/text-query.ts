import type { Socket } from 'node:net'
import type pg from 'pg'

/** A row as Postgres sent it: one text for each column, or null. */
export type TextRow = readonly (string | null)[]

/** A statement whose values are bound as text. */
export interface TextStatement {
  readonly text: string
  readonly values: readonly string[]
}

/**
 * One execution of a prepared statement without Describe: the caller knows the columns. It saves Postgres and the driver a
 * description of them for each execution.
 *
 * @see https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY
 */
export class TextQuery implements pg.Submittable {
  /** The driver notes both when Postgres has parsed the statement. */
  readonly name: string
  readonly text: string
  /** The driver puts its timeout around it. */
  callback: (error: Error | null, rows: readonly TextRow[]) => void
  readonly #values: readonly string[]
  readonly #rows: TextRow[] = []

  constructor(
    name: string,
    { text, values }: TextStatement,
    callback: (error: Error | null, rows: readonly TextRow[]) => void,
  ) {
    this.name = name
    this.text = text
    this.callback = callback
    this.#values = values
  }

  submit(connection: pg.Connection): void {
    const protocol = connection as unknown as Protocol
    protocol.stream.cork()
    try {
      if (protocol.parsedStatements[this.name] === undefined) protocol.parse({ name: this.name, text: this.text })
      protocol.bind({ statement: this.name, values: this.#values })
      protocol.execute({})
      protocol.sync()
    } finally {
      protocol.stream.uncork()
    }
  }

  handleDataRow({ fields }: { fields: TextRow }): void {
    this.#rows.push(fields)
  }

  handleError(error: Error): void {
    this.callback(error, [])
  }

  handleReadyForQuery(): void {
    this.callback(null, this.#rows)
  }

  handleCommandComplete(): void {}
}

/** What node-postgres has of a connection's protocol beyond its types. */
interface Protocol {
  readonly stream: Socket
  /** Texts by name that Postgres has parsed on this connection. */
  readonly parsedStatements: Readonly<Record<string, string>>
  parse(statement: { name: string; text: string }): void
  bind(portal: { statement: string; values: readonly string[] }): void
  execute(portal: object): void
  sync(): void
}
