import { type Fragment, identifier } from '../store/sql.js'
import type { Executor } from '../store/store.js'
import type { Job } from './worker.js'

const rowsPerBatch = 500

/**
 * A job that deletes expired rows in small batches.
 *
 * @param condition makes the SQL condition for expired rows. `now` is the database's clock
 */
export function sweep(db: Executor, table: string, key: string, condition: (now: Fragment) => Fragment): Job {
  const column = identifier(key)
  return {
    name: `sweep ${table}`,
    everySeconds: 60,
    async run() {
      const deleted = await db.sql`
        DELETE FROM ${db.table(table)} WHERE ${column} IN (
          SELECT ${column} FROM ${db.table(table)} WHERE ${condition(db.now)} LIMIT ${rowsPerBatch} FOR UPDATE SKIP LOCKED
        ) RETURNING 1`
      return deleted.length === rowsPerBatch
    },
  }
}
