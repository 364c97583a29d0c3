import { type Fragment, sql } from './sql.js'
import type { Executor } from './store.js'

/** A row that can be used once. */
export interface SingleUse {
  table: string
  /** Which row, and whether it is still good. */
  where: Fragment
  /** True until the row is used. */
  unused: Fragment
  /** Assignments that make `unused` false for good. */
  use: Fragment
  /** Columns of the answer. Default: none. */
  returning?: Fragment
}

/**
 * Uses a row up in one statement. Of any number of parallel calls, on any number of nodes, one gets the row. The others wait
 * for its lock, and Postgres then checks their condition again.
 *
 * @returns the row, or undefined if it is used, no longer good, or not there
 * @example
 * ```ts
 * const consumed = await useOnce(tx, {
 *   table: 'email_challenges',
 *   where: sql`id = ${id} AND expires_at > ${tx.now}`,
 *   unused: sql`consumed_at IS NULL`,
 *   use: sql`consumed_at = ${tx.now}`,
 * })
 * ```
 */
export async function useOnce<Row extends object>(
  db: Executor,
  { table, where, unused, use, returning = nothing }: SingleUse,
): Promise<Row | undefined> {
  const [row] = await db.sql<Row>`
    UPDATE ${db.table(table)} SET ${use} WHERE ${where} AND ${unused} RETURNING ${returning}`
  return row
}

/**
 * Takes a row away in one statement. Of any number of parallel calls, on any number of nodes, one gets it.
 *
 * @returns the row, or undefined if it is not there
 */
export async function takeOnce<Row extends object>(
  db: Executor,
  { table, where, returning = nothing }: Pick<SingleUse, 'table' | 'where' | 'returning'>,
): Promise<Row | undefined> {
  const [row] = await db.sql<Row>`DELETE FROM ${db.table(table)} WHERE ${where} RETURNING ${returning}`
  return row
}

/** Attempts that are counted in the row which they are made at. */
export interface CountedAttempt extends Pick<SingleUse, 'table' | 'where' | 'returning'> {
  /** How many may be counted. */
  limit: number
}

/**
 * Counts one attempt in one statement, in the column `attempts`. Parallel calls on any number of nodes together get exactly
 * `limit`.
 *
 * @returns the row with this attempt counted, or undefined if none is left or the row is not there
 */
export async function countAttempt<Row extends object>(
  db: Executor,
  { table, where, limit, returning = nothing }: CountedAttempt,
): Promise<Row | undefined> {
  const [row] = await db.sql<Row>`
    UPDATE ${db.table(table)} SET attempts = attempts + 1 WHERE ${where} AND attempts < ${limit}
    RETURNING ${returning}`
  return row
}

const nothing = sql`1`
