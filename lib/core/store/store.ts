import type { Knex } from 'knex'
import type { Clock } from '../config/clock.js'
import type { Database } from './database.js'
import { isRetryable } from './database-errors.js'
import { send } from './send.js'
import { type Fragment, identifier, type SqlPart, sql } from './sql.js'

/** Runs SQL: the store itself (each statement commits at once) or a transaction. */
export interface Executor {
  /**
   * Runs the statement of a template. Values are bound where they stand, see {@link sql}.
   *
   * @example
   * ```ts
   * const [row] = await db.sql<{ id: string }>`SELECT id FROM ${db.table('users')} WHERE lower(email) = ${email}`
   * ```
   */
  sql<Row extends object>(texts: TemplateStringsArray, ...parts: readonly SqlPart[]): Promise<Row[]>
  /** One of our tables, with its schema. @throws TypeError for what is no plain SQL name */
  table(name: string): Fragment
  /** The database's clock, plus the tests' offset. */
  readonly now: Fragment
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

const databaseClock = sql`now()`

/** Names of tables in a schema, each made once. */
function tablesOf(schemaName: string): (name: string) => Fragment {
  const known = new Map<string, Fragment>()
  return (name) => {
    const table = known.get(name) ?? identifier(schemaName, name)
    known.set(name, table)
    return table
  }
}

class SqlExecutor implements Executor {
  constructor(
    private readonly runner: Knex,
    readonly table: (name: string) => Fragment,
    protected readonly clock: Clock,
  ) {}

  get now(): Fragment {
    const offset = this.clock.offsetSeconds()
    return offset === 0 ? databaseClock : sql`(${databaseClock} + ${offset}::float8 * interval '1 second')`
  }

  async sql<Row extends object>(texts: TemplateStringsArray, ...parts: readonly SqlPart[]): Promise<Row[]> {
    return send(this.runner, sql(texts, ...parts).statement())
  }
}

class Transaction extends SqlExecutor implements Tx {
  readonly effects: Array<{ run: () => void; written: WrittenRow | undefined }> = []

  constructor(
    readonly trx: Knex.Transaction,
    table: (name: string) => Fragment,
    clock: Clock,
  ) {
    super(trx, table, clock)
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
    super(database.knex, tablesOf(schemaName), clock)
  }

  /**
   * Runs `work` in one transaction and commits. May run it again (serialisation failure, deadlock), so `work` has no effect
   * outside the database.
   */
  async transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const { result, effects } = await this.database.knex.transaction(async (trx) => {
          const tx = new Transaction(trx, this.table, this.clock)
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
      const tx = new Transaction(savepoint, this.table, this.clock)
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
    return trx === undefined ? this : new SqlExecutor(trx, this.table, this.clock)
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
      return (await this.sql`SELECT 1 FROM ${this.table(table)} WHERE id = ${id}`).length > 0
    } catch {
      return false // no answer is no commit
    }
  }
}

function outermost(trx: Knex.Transaction): Knex.Transaction {
  return trx.parentTransaction === undefined ? trx : outermost(trx.parentTransaction)
}
