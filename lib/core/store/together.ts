import { type Fragment, identifier, sql } from './sql.js'
import type { Executor } from './store.js'

/**
 * A statement that can be sent in one message with others, also of other features. Each feature writes the statement of its own tables,
 * and the use case decides what is sent together.
 */
export interface Query<Result> {
  /** A SELECT, or a statement with RETURNING. It sees the database as it was before all the others. */
  readonly statement: Fragment
  /** @param rows as JSON: times are text, and the statement has to encode bytes */
  result(rows: readonly never[]): Result
}

/**
 * @example
 * ```ts
 * const defaultFor = (db: Executor, userId: string): Query<string | null> =>
 *   query<{ id: string }, string | null>(sql`SELECT id FROM …`, ([row]) => row?.id ?? null)
 * ```
 */
export function query<Row extends object, Result>(
  statement: Fragment,
  result: (rows: readonly Row[]) => Result,
): Query<Result> {
  return { statement, result }
}

/** The same query with another result. */
export function mapped<From, To>(one: Query<From>, to: (result: From) => To): Query<To> {
  return { statement: one.statement, result: (rows) => to(one.result(rows)) }
}

/** A statement of which only the effect counts. */
export function command(statement: Fragment): Query<void> {
  return { statement: sql`${statement} RETURNING 1 AS done`, result: () => {} }
}

type Groups = Readonly<Record<string, readonly Query<unknown>[]>>
type Results<G extends Groups> = { [Name in keyof G]: Array<G[Name][number] extends Query<infer R> ? R : never> }

/**
 * Sends queries as one statement. None of them sees what another one writes, and their order is not defined.
 *
 * @returns the results of each group, in the order of its queries
 * @example
 * ```ts
 * const { organization } = await sendTogether(tx, {
 *   organization: [organizations.defaultFor(tx, userId)],
 *   others: [clearBudgets(tx, keys)],
 * })
 * ```
 */
export async function sendTogether<G extends Groups>(db: Executor, groups: G): Promise<Results<G>> {
  const queries = Object.values(groups).flat()
  const rows = queries.length === 0 ? [] : await rowsOf(db, queries)
  let next = 0
  const results = Object.entries(groups).map(([name, group]) => [
    name,
    group.map((one) => {
      next += 1
      return one.result((rows[next - 1] ?? []) as never[])
    }),
  ])
  return Object.fromEntries(results)
}

/** Rows of each query. They come as one text, so that no type parser of the host changes them. */
async function rowsOf(db: Executor, queries: readonly Query<unknown>[]): Promise<Array<object[] | null>> {
  const part = (index: number) => identifier(`part_${index}`)
  const parts = queries.map(({ statement }, index) => sql`${part(index)} AS (${statement})`)
  const rows = queries.map((_, index) => sql`(SELECT json_agg(${part(index)}) FROM ${part(index)})`)
  const [row] = await db.sql<{ rows: string }>`
    WITH ${listed(parts)} SELECT json_build_array(${listed(rows)})::text AS rows`
  return JSON.parse(row?.rows ?? '[]')
}

function listed(fragments: readonly Fragment[]): Fragment {
  return fragments.reduce((all, one) => sql`${all}, ${one}`)
}
