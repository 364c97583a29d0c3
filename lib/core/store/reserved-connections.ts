import type { Knex } from 'knex'
import { IdentSphereError } from '../errors.js'
import { discardConnection, type RawConnection } from './query-timeout.js'
import type { StatementNames } from './statement-names.js'
import { TextQuery, type TextRow, type TextStatement } from './text-query.js'

/** For the connection and the answer together. */
const deadlineMs = 1_000
/** A connection goes back to the pool after this time. The pool checks its age, and closes it if nothing needs it. */
const holdMs = 1_000

/** A connection that was taken from the pool. */
interface Held {
  readonly connection: RawConnection
  readonly timer: NodeJS.Timeout
  isDue: boolean
}

type Done = (error: unknown, rows?: readonly TextRow[]) => void

/**
 * A few connections that only the session check uses, so that no slow query elsewhere can hold up the guards. Between two
 * queries a connection is kept, because taking it from the pool costs more than the query.
 */
export class ReservedConnections {
  readonly #idle: Held[] = []
  #isClosed = false

  constructor(
    private readonly pool: Knex,
    private readonly names: StatementNames,
  ) {}

  /**
   * Runs one statement. Its columns come as texts.
   *
   * @throws IdentSphereError `service_unavailable` after one second
   */
  read(schema: string, statement: TextStatement): Promise<readonly TextRow[]> {
    return new Promise((resolve, reject) => {
      let held: Held | undefined
      let isDone = false
      const timer = setTimeout(() => {
        isDone = true
        if (held !== undefined) this.#discard(held)
        const cause = new Error(`the session check took over ${deadlineMs} ms`)
        reject(new IdentSphereError('service_unavailable', { cause }))
      }, deadlineMs)

      const done: Done = (error, rows) => {
        if (isDone) return
        isDone = true
        clearTimeout(timer)
        if (rows !== undefined) {
          if (held !== undefined) this.#keep(held)
          resolve(rows)
          return
        }
        if (held !== undefined) this.#discard(held)
        reject(error)
      }
      const use = (taken: Held) => {
        if (isDone) return this.#keep(taken)
        held = taken
        this.#send(taken.connection, schema, statement, done)
      }
      const idle = this.#takeIdle()
      if (idle === undefined) this.#acquire().then(use, done)
      else use(idle)
    })
  }

  async close(): Promise<void> {
    this.#isClosed = true
    for (const held of this.#idle.splice(0)) this.#release(held)
    await this.pool.destroy()
  }

  #send(connection: RawConnection, schema: string, statement: TextStatement, done: Done): void {
    const sendPlainly = () => readPlainly(connection, statement).then((rows) => done(null, rows), done)
    const name = this.names.of(schema, statement.text)
    if (name === undefined || !speaksProtocol(connection)) {
      sendPlainly()
      return
    }
    connection.query(
      new TextQuery(name, statement, (error, rows) => {
        if (error === null) done(null, rows)
        else if (this.names.giveUp(schema, statement.text, error)) sendPlainly()
        else done(error)
      }),
    )
  }

  #takeIdle(): Held | undefined {
    for (;;) {
      const held = this.#idle.pop()
      if (held === undefined || held.connection.__knex__disposed === undefined) return held
      this.#release(held)
    }
  }

  async #acquire(): Promise<Held> {
    const connection: RawConnection = await this.pool.client.acquireConnection()
    const timer = setTimeout(() => {
      held.isDue = true
      const index = this.#idle.indexOf(held)
      if (index === -1) return
      this.#idle.splice(index, 1)
      this.#release(held)
    }, holdMs).unref()
    const held: Held = { connection, timer, isDue: false }
    return held
  }

  #keep(held: Held): void {
    if (held.isDue || this.#isClosed) this.#release(held)
    else this.#idle.push(held)
  }

  /** A connection that failed may still deliver the answer to an old query. It never answers another one. */
  #discard(held: Held): void {
    discardConnection(held.connection, 'failed during the session check')
    this.#release(held)
  }

  #release({ connection, timer }: Held): void {
    clearTimeout(timer)
    this.pool.client.releaseConnection(connection)
  }
}

/** Without Describe the driver's own protocol is needed, which its native variant and its pipelines do not offer. */
function speaksProtocol(connection: RawConnection): boolean {
  const { pipeline, connection: protocol } = connection as unknown as { pipeline?: boolean; connection?: object }
  return pipeline !== true && typeof (protocol as { bind?: unknown } | undefined)?.bind === 'function'
}

const asText = { getTypeParser: () => (text: string) => text }

/** Through the driver's own query, without a name. */
async function readPlainly(connection: RawConnection, { text, values }: TextStatement): Promise<readonly TextRow[]> {
  const query = { text, values: [...values], rowMode: 'array', types: asText } as const
  return (await connection.query<(string | null)[]>(query as never)).rows
}
