import type { Knex } from 'knex'
import type { Clock } from '../config/clock.js'
import type { Database } from './database.js'
import { isRetryable } from './database-errors.js'
import { send } from './send.js'
import { type Fragment, identifier, type SqlPart, type Statement, sql } from './sql.js'
import type { StatementNames } from './statement-names.js'

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

/** What the executors of one store share. */
interface Shared {
  readonly schemaName: string
  readonly clock: Clock
  readonly names: StatementNames
  readonly tables: Map<string, Fragment>
}

/** Sends statements without names: a name that fails would end a transaction of the host's. */
class SqlExecutor implements Executor {
  constructor(
    protected readonly runner: Knex,
    protected readonly shared: Shared,
  ) {}

  get now(): Fragment {
    const offset = this.shared.clock.offsetSeconds()
    return offset === 0 ? databaseClock : sql`(${databaseClock} + ${offset}::float8 * interval '1 second')`
  }

  table(name: string): Fragment {
    const { tables, schemaName } = this.shared
    const table = tables.get(name) ?? identifier(schemaName, name)
    tables.set(name, table)
    return table
  }

  async sql<Row extends object>(texts: TemplateStringsArray, ...parts: readonly SqlPart[]): Promise<Row[]> {
    return this.run(sql(texts, ...parts).statement())
  }

  protected run<Row extends object>(statement: Statement): Promise<Row[]> {
    return send(this.runner, statement, undefined)
  }

  protected nameOf({ text }: Statement): string | undefined {
    return this.shared.names.of(this.shared.schemaName, text)
  }

  protected givesUpName({ text }: Statement, error: unknown): boolean {
    return this.shared.names.giveUp(this.shared.schemaName, text, error)
  }
}

class Transaction extends SqlExecutor implements Tx {
  readonly effects: Array<{ run: () => void; written: WrittenRow | undefined }> = []

  constructor(
    readonly trx: Knex.Transaction,
    shared: Shared,
  ) {
    super(trx, shared)
  }

  afterCommit(run: () => void, written?: WrittenRow): void {
    this.effects.push({ run, written })
  }
}

/** One attempt at a transaction that can run again. */
class Attempt extends Transaction {
  constructor(
    trx: Knex.Transaction,
    shared: Shared,
    private readonly onLostName: () => void,
  ) {
    super(trx, shared)
  }

  protected override async run<Row extends object>(statement: Statement): Promise<Row[]> {
    const name = this.nameOf(statement)
    try {
      return await send(this.runner, statement, name)
    } catch (error) {
      if (name !== undefined && this.givesUpName(statement, error)) this.onLostName()
      throw error
    }
  }
}

/** Everything IdentSphere keeps, in one schema of one Postgres. */
export class Store extends SqlExecutor {
  constructor(
    readonly database: Database,
    schemaName: string,
    clock: Clock,
  ) {
    super(database.knex, { schemaName, clock, names: database.statementNames, tables: new Map() })
  }

  protected override async run<Row extends object>(statement: Statement): Promise<Row[]> {
    const name = this.nameOf(statement)
    try {
      return await send(this.runner, statement, name)
    } catch (error) {
      if (name === undefined || !this.givesUpName(statement, error)) throw error
      return send(this.runner, statement, undefined)
    }
  }

  /**
   * Runs `work` in one transaction and commits. May run it again (serialization failure, deadlock, lost prepared statement), so
   * `work` has no effect outside the database.
   */
  async transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    let conflicts = 0
    for (;;) {
      // Postgres aborts the transaction. It runs again without that name, and each name is lost once.
      let hasLostName = false
      try {
        const { result, effects } = await this.database.knex.transaction(async (trx) => {
          const tx = new Attempt(trx, this.shared, () => {
            hasLostName = true
          })
          return { result: await work(tx), effects: tx.effects }
        })
        if (hasLostName) continue
        for (const effect of effects) effect.run()
        return result
      } catch (error) {
        if (hasLostName) continue
        conflicts += 1
        if (conflicts === attempts || !isRetryable(error)) throw error
        // Apart from each other, so that the same two do not collide again.
        await this.shared.clock.wait(conflicts * 10 + Math.floor(Math.random() * 20))
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
      const tx = new Transaction(savepoint, this.shared)
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
    return trx === undefined ? this : new SqlExecutor(trx, this.shared)
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
