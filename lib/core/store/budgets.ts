import { type Fragment, sql } from './sql.js'
import type { Executor } from './store.js'
import { command, type Query, sendTogether } from './together.js'

/** A counter with a limit, shared by every node. */
export interface Budget {
  /** Names what is counted; never holds an address or a name in the clear. */
  key: string
  /** How many may be spent in one window. */
  limit: number
  /** Seconds from the first one spent until the count begins anew. */
  windowSeconds: number
}

/** A window that outlasts every account: the count only ends by {@link clearBudgets}. */
export const forever = 100 * 365 * 86_400

/**
 * Spends one of the budget. Parallel requests on any number of nodes together get exactly `limit`.
 *
 * @returns null if it was spent, or the seconds until the window ends if nothing was left
 */
export function spendBudget(db: Executor, budget: Budget): Promise<number | null> {
  return spendBudgets(db, [budget])
}

/**
 * Spends one of each budget, in one statement. If one of them is used up, none is spent.
 *
 * @returns null if they were spent, or the seconds until the last window of those that are used up ends
 */
export async function spendBudgets(db: Executor, budgets: readonly Budget[]): Promise<number | null> {
  for (;;) {
    const { wait_seconds: waitSeconds, spent } = await trySpending(db, budgets)
    if (waitSeconds !== null) return waitSeconds
    if (spent.length === budgets.length) return null
    // Parallel calls made rows that this statement could not see, and used one up. The next attempt sees them.
    await refundBudgets(
      db,
      budgets.filter(({ key }) => spent.includes(key)),
    )
  }
}

/**
 * Rows are locked in the order of their keys, here and in every other statement on several budgets, so that no two calls wait for each
 * other.
 */
async function trySpending(
  db: Executor,
  budgets: readonly Budget[],
): Promise<{ wait_seconds: number | null; spent: string[] }> {
  const { now } = db
  const table = db.table('budgets')
  const keys = budgets.map(({ key }) => key)
  const limits = budgets.map(({ limit }) => limit)
  const windows = budgets.map(({ windowSeconds }) => windowSeconds)
  const [row] = await db.sql<{ wait_seconds: number | null; spent: string[] }>`
    WITH wanted AS (
      SELECT * FROM unnest(${keys}::text[], ${limits}::integer[], ${windows}::float8[]) AS w (key, limit_count, seconds)
    ), known AS (
      SELECT key, count, window_ends_at FROM ${table} WHERE key = ANY(${keys}) ORDER BY key FOR UPDATE
    ), used_up AS (
      SELECT k.window_ends_at FROM known k JOIN wanted w USING (key)
      WHERE k.count >= w.limit_count AND k.window_ends_at > ${now}
    ), spent AS (
      INSERT INTO ${table} AS b (key, count, window_ends_at)
      SELECT key, 1, ${now} + seconds * interval '1 second' FROM wanted WHERE NOT EXISTS (SELECT FROM used_up)
      ORDER BY key
      ON CONFLICT (key) DO UPDATE SET
        count = CASE WHEN b.window_ends_at <= ${now} THEN 1 ELSE b.count + 1 END,
        window_ends_at = CASE WHEN b.window_ends_at <= ${now} THEN excluded.window_ends_at ELSE b.window_ends_at END
      WHERE b.count < (SELECT limit_count FROM wanted w WHERE w.key = b.key) OR b.window_ends_at <= ${now}
      RETURNING key
    )
    SELECT
      (SELECT greatest(1, ceil(extract(epoch FROM max(window_ends_at) - ${now})))::float8 FROM used_up
       HAVING count(*) > 0) AS wait_seconds,
      ARRAY(SELECT key FROM spent) AS spent`
  if (row === undefined) throw new Error('a SELECT without FROM answers one row')
  return row
}

/** A budget whose tries come at growing intervals once some were spent in a row. */
export interface PacedBudget extends Budget {
  /** Tries in a row before the first wait. */
  unpaced: number
  /** Seconds of the first wait; each further one is twice as long. */
  firstWaitSeconds: number
  longestWaitSeconds: number
}

/**
 * Spends one of a paced budget, in one statement.
 *
 * @param limited false where the limit does not hold, but the pace does
 * @returns how many are spent now, and whether the next one has to wait; or how long to wait, and whether that is because
 * nothing is left
 */
export async function spendPaced(
  db: Executor,
  budget: PacedBudget,
  limited: boolean,
): Promise<{ spent: number; paced: boolean } | { waitSeconds: number; exhausted: boolean }> {
  const { key, limit, windowSeconds, unpaced, firstWaitSeconds, longestWaitSeconds } = budget
  const { now } = db
  const [row] = await db.sql<{ count: number; paced: boolean }>`
    INSERT INTO ${db.table('budgets')} AS b (key, count, streak, window_ends_at)
    VALUES (${key}, 1, 1, ${now} + ${windowSeconds} * interval '1 second')
    ON CONFLICT (key) DO UPDATE SET
      count = CASE WHEN b.window_ends_at <= ${now} THEN 1 ELSE least(b.count + 1, ${limit}) END,
      window_ends_at = CASE WHEN b.window_ends_at <= ${now} THEN excluded.window_ends_at ELSE b.window_ends_at END,
      streak = least(b.streak + 1, 1000),
      blocked_until = CASE WHEN b.streak + 1 >= ${unpaced}
        THEN ${now} + interval '1 second'
          * least(${longestWaitSeconds}, ${firstWaitSeconds} * power(2::float8, least(b.streak + 1 - ${unpaced}, 30)))
        END
    WHERE (b.count < ${limit} OR b.window_ends_at <= ${now} OR NOT ${limited})
      AND coalesce(b.blocked_until, '-infinity') <= ${now}
    RETURNING count, blocked_until IS NOT NULL AS paced`
  if (row !== undefined) return { spent: row.count, paced: row.paced }
  const [left] = await db.sql<{ seconds: number; exhausted: boolean }>`
    SELECT b.exhausted, greatest(1, ceil(extract(epoch FROM
        CASE WHEN b.exhausted THEN b.window_ends_at ELSE coalesce(b.blocked_until, ${now}) END - ${now})))::float8 AS seconds
    FROM (
      SELECT *, count >= ${limit} AND window_ends_at > ${now} AND ${limited} AS exhausted
      FROM ${db.table('budgets')} WHERE key = ${key}
    ) AS b`
  return { waitSeconds: left?.seconds ?? 1, exhausted: left?.exhausted ?? false }
}

/** After a success: the next try waits for nothing, and what was spent before counts on but for this one. */
export async function endPace(db: Executor, { key }: Budget): Promise<void> {
  await db.sql`
    UPDATE ${db.table('budgets')} SET streak = 0, blocked_until = NULL, count = greatest(count - 1, 0) WHERE key = ${key}`
}

/** Gives back one of each budget that was spent for nothing. */
export async function refundBudgets(db: Executor, budgets: readonly Budget[]): Promise<void> {
  const table = db.table('budgets')
  const lowered = await db.sql<{ key: string; count: number }>`
    UPDATE ${table} SET count = count - 1 WHERE key IN (${lockInOrder(
      db,
      budgets.map(({ key }) => key),
    )})
    RETURNING key, count`
  const unused = lowered.filter(({ count }) => count <= 0).map(({ key }) => key)
  if (unused.length > 0) await db.sql`DELETE FROM ${table} WHERE key IN (${lockInOrder(db, unused)}) AND count <= 0`
}

/** Forgets what was spent. */
export async function clearBudgets(db: Executor, keys: readonly string[]): Promise<void> {
  await sendTogether(db, { cleared: [clearingBudgets(db, keys)] })
}

/** The same as {@link clearBudgets}, to be sent with other statements. */
export function clearingBudgets(db: Executor, keys: readonly string[]): Query<void> {
  return command(sql`DELETE FROM ${db.table('budgets')} WHERE key IN (${lockInOrder(db, keys)})`)
}

/** Keys of the rows that exist, which are locked. */
function lockInOrder(db: Executor, keys: readonly string[]): Fragment {
  return sql`SELECT key FROM ${db.table('budgets')} WHERE key = ANY(${keys}) ORDER BY key FOR UPDATE`
}
