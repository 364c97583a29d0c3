import type { Knex } from 'knex'
import type { Clock } from '../config/clock.js'
import type { Database } from './database.js'
import { isRetryable } from './database-errors.js'

/** Runs SQL: the store itself (each statement commits at once) or a transaction. */
export interface Executor {
  /** The quoted schema name for hand-written SQL: `"identsphere"`. */
  readonly schema: string
  /** The database's clock, plus the tests' offset. */
  readonly now: Knex.Raw
  /** The same as text for hand-written SQL. */
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

export interface Store extends Executor {
  readonly database: Database
  /**
   * Runs `work` in one transaction and commits. May run it again (serialisation failure, deadlock), so `work` has no effect
   * outside the database.
   */
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>
}

const attempts = 4

/** @param schema checked by the configuration to be a plain SQL name. */
export function createStore(database: Database, schema: string, clock: Clock): Store {
  const { knex } = database
  const quoted = `"${schema}"`

  function executor(runner: Knex | Knex.Transaction): Executor {
    const nowSql = () => {
      const offset = clock.offsetSeconds()
      return offset === 0 ? 'now()' : `(now() + interval '${Number(offset)} seconds')`
    }
    return {
      schema: quoted,
      get now() {
        return knex.raw(nowSql())
      },
      get nowSql() {
        return nowSql()
      },
      table: (name) => runner.withSchema(schema).table(name) as never,
      async sql(text, bindings = []) {
        const result = await runner.raw(text, bindings as Knex.RawBinding[])
        return result.rows
      },
    }
  }

  return Object.defineProperties(
    {
      database,
      async transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
        for (let attempt = 1; ; attempt += 1) {
          const effects: Array<() => void> = []
          try {
            const result = await knex.transaction((trx) =>
              work(
                Object.defineProperties(
                  { trx, afterCommit: (effect: () => void) => void effects.push(effect) },
                  Object.getOwnPropertyDescriptors(executor(trx)),
                ) as Tx,
              ),
            )
            for (const effect of effects) effect()
            return result
          } catch (error) {
            if (attempt === attempts || !isRetryable(error)) throw error
            await clock.wait(attempt * 10 + Math.floor(Math.random() * 20))
          }
        }
      },
    },
    Object.getOwnPropertyDescriptors(executor(knex)),
  ) as Store
}
