import type { Connection, Submittable } from 'pg'

/** One named statement with one value, without Describe. Its fields stay the texts that Postgres sent. */
export class PreparedRead implements Submittable {
  readonly #rows: (string | null)[][] = []
  #error: Error | null = null

  constructor(
    private readonly question: { name: string; text: string; value: string },
    private readonly done: (error: Error | null, rows: readonly (readonly (string | null)[])[]) => void,
  ) {}

  submit(connection: Connection): void {
    const { name, text, value } = this.question
    const wire = connection as unknown as Wire
    wire.stream.cork()
    if (wire.parsedStatements[name] === undefined) {
      wire.parse({ name, text })
      wire.parsedStatements[name] = text
    }
    wire.bind({ statement: name, values: [value] })
    wire.execute({})
    wire.sync()
    wire.stream.uncork()
  }

  handleDataRow(message: { fields: (string | null)[] }): void {
    this.#rows.push(message.fields)
  }

  handleError(error: Error): void {
    this.#error = error
    this.done(error, [])
  }

  handleReadyForQuery(): void {
    if (this.#error === null) this.done(null, this.#rows)
  }

  handleCommandComplete(): void {}
}

/** What of the driver's connection is used. */
interface Wire {
  stream: { cork(): void; uncork(): void }
  parsedStatements: Record<string, string>
  parse(statement: { name: string; text: string }): void
  bind(portal: { statement: string; values: string[] }): void
  execute(portal: object): void
  sync(): void
}
