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
  /**
   * Runs after the commit of the attempt that succeeded; must not throw.
   *
   * @param written a row that this transaction wrote, by which the commit of a host's transaction is known. Without one the
   * effect also runs where that was rolled back
   */
  afterCommit(effect: () => void, written?: WrittenRow): void
}

interface WrittenRow {
  table: string
  id: string
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
  readonly effects: Array<{ run: () => void; written: WrittenRow | undefined }> = []

  constructor(
    readonly trx: Knex.Transaction,
    schemaName: string,
    clock: Clock,
  ) {
    super(trx, schemaName, clock)
  }

  afterCommit(run: () => void, written?: WrittenRow): void {
    this.effects.push({ run, written })
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
        for (const effect of effects) effect.run()
        return result
      } catch (error) {
        if (attempt === attempts || !isRetryable(error)) throw error
        // Apart from each other, so that the same two do not collide again.
        await this.clock.wait(attempt * 10 + Math.floor(Math.random() * 20))
      }
    }
  }

  /**
   * Runs `work` once inside a transaction of the host's, behind a savepoint: it is done whole or not at all, also where the
   * host catches the error and commits. Without `trx` it is a {@link transaction} of its own.
   */
  async within<T>(trx: Knex.Transaction | undefined, work: (tx: Tx) => Promise<T>): Promise<T> {
    if (trx === undefined) return this.transaction(work)
    const { result, effects } = await trx.transaction(async (savepoint) => {
      const tx = new Transaction(savepoint, this.schemaName, this.clock)
      return { result: await work(tx), effects: tx.effects }
    })
    if (effects.length > 0) {
      const settled = () => this.runCommitted(effects)
      outermost(trx).executionPromise.then(settled, settled)
    }
    return result
  }

  /** Reads on the host's transaction, which sees what it has written itself. */
  reading(trx: Knex.Transaction | undefined): Executor {
    return trx === undefined ? this : new SqlExecutor(trx, this.schemaName, this.clock)
  }

  /**
   * Whether a transaction was committed is asked of the database: Knex resolves one that was begun without a handler and
   * rolled back, and one whose COMMIT Postgres answered with a rollback.
   */
  private async runCommitted(effects: Transaction['effects']): Promise<void> {
    for (const { run, written } of effects) {
      if (written === undefined || (await this.isWritten(written))) run()
    }
  }

  private async isWritten({ table, id }: WrittenRow): Promise<boolean> {
    try {
      return (await this.table(table).where({ id }).select('id')).length > 0
    } catch {
      return false // no answer is no commit
    }
  }
}

function outermost(trx: Knex.Transaction): Knex.Transaction {
  return trx.parentTransaction === undefined ? trx : outermost(trx.parentTransaction)
}
