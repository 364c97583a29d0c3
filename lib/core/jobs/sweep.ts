import type { Executor } from '../store/store.js'
import type { Job } from './worker.js'

const batch = 500

/**
 * A job that deletes rows which can no longer matter, a small batch at a time.
 *
 * @param condition SQL that is given the database's clock as `now`
 */
export function sweep(db: Executor, table: string, key: string, condition: (now: string) => string): Job {
  return {
    name: `sweep ${table}`,
    everySeconds: 60,
    async run() {
      const deleted = await db.sql(
        `DELETE FROM ${db.schema}.${table} WHERE ${key} IN (
           SELECT ${key} FROM ${db.schema}.${table} WHERE ${condition(db.nowSql)}
           LIMIT ${batch} FOR UPDATE SKIP LOCKED
         ) RETURNING 1`,
      )
      return deleted.length === batch
    },
  }
}
