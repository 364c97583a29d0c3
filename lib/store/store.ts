import type { Knex } from 'knex'
import type { Clock } from '../config/clock.js'
import type { Database } from './database.js'
import { isRetryable } from './database-errors.js'

/** Runs SQL: the store itself (each statement commits at once) or a transaction. */
export interface Executor {
  /** The quoted schema name for hand-written SQL: `"identsphere"`. */
  readonly schema: string
  /** The database's clock, plus the tests' offset, for Knex's builder. */
  readonly now: Knex.Raw
  /** The same as text, for hand-written SQL. */
  readonly nowSql: string
  /** A query on one of our tables. */
  table<Row extends object>(name: string): Knex.QueryBuilder<Row, Row[]>
  /** Hand-written SQL. `?` binds a value. */
  sql<Row extends object>(text: string, bindings?: readonly unknown[]): Promise<Row[]>
}

/** A transaction. Passed first to every service method that writes. */
export interface Tx extends Executor {
  readonly trx: Knex.Transaction
  /** Runs after the commit of the attempt that succeeded; must not throw. */
  afterCommit(effect: () => void): void
}

/** Attempts at one transaction, the first included. */
const attempts = 4

class SqlExecutor implements Executor {
  readonly schema: string

  /** @param schemaName checked by the configuration to be a plain SQL name */
  constructor(
    private readonly runner: Knex,
    protected readonly schemaName: string,
    protected readonly clock: Clock,
  ) {
    this.schema = `"${schemaName}"`
  }

  get nowSql(): string {
    const offset = this.clock.offsetSeconds()
    return offset === 0 ? 'now()' : `(now() + interval '${Number(offset)} seconds')`
  }

  get now(): Knex.Raw {
    return this.runner.raw(this.nowSql)
  }

  table<Row extends object>(name: string): Knex.QueryBuilder<Row, Row[]> {
    return this.runner.withSchema(this.schemaName).table(name) as never
  }

  async sql<Row extends object>(text: string, bindings: readonly unknown[] = []): Promise<Row[]> {
    const result = await this.runner.raw(text, bindings as Knex.RawBinding[])
    return result.rows
  }
}

class Transaction extends SqlExecutor implements Tx {
  readonly effects: Array<() => void> = []

  constructor(
    readonly trx: Knex.Transaction,
    schemaName: string,
    clock: Clock,
  ) {
    super(trx, schemaName, clock)
  }

  afterCommit(effect: () => void): void {
    this.effects.push(effect)
  }
}

/** Everything IdentSphere keeps, in one schema of one Postgres. */
export class Store extends SqlExecutor {
  constructor(
    readonly database: Database,
    schemaName: string,
    clock: Clock,
  ) {
    super(database.knex, schemaName, clock)
  }

  /**
   * Runs `work` in one transaction and commits. May run it again (serialisation failure, deadlock), so `work` has no effect
   * outside the database.
   */
  async transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const { result, effects } = await this.database.knex.transaction(async (trx) => {
          const tx = new Transaction(trx, this.schemaName, this.clock)
          return { result: await work(tx), effects: tx.effects }
        })
        for (const effect of effects) effect()
        return result
      } catch (error) {
        if (attempt === attempts || !isRetryable(error)) throw error
        // Apart from each other, so that the same two do not collide again.
        await this.clock.wait(attempt * 10 + Math.floor(Math.random() * 20))
      }
    }
  }
}
