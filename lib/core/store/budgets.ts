import type { Executor } from './store.js'

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
 * Spends one of the budget, in one statement. Parallel requests on any number of nodes together get exactly `limit`.
 *
 * @returns null when it was spent, or the seconds until the window ends when nothing was left
 */
export async function spendBudget(db: Executor, budget: Budget): Promise<number | null> {
  const { key, limit, windowSeconds } = budget
  const { now } = db
  const spent = await db.sql`
    INSERT INTO ${db.table('budgets')} AS b (key, count, window_ends_at)
    VALUES (${key}, 1, ${now} + ${windowSeconds} * interval '1 second')
    ON CONFLICT (key) DO UPDATE SET
      count = CASE WHEN b.window_ends_at <= ${now} THEN 1 ELSE b.count + 1 END,
      window_ends_at = CASE WHEN b.window_ends_at <= ${now} THEN excluded.window_ends_at ELSE b.window_ends_at END
    WHERE b.count < ${limit} OR b.window_ends_at <= ${now}
    RETURNING 1`
  if (spent.length > 0) return null
  const [left] = await db.sql<{ seconds: number }>`
    SELECT greatest(1, ceil(extract(epoch FROM window_ends_at - ${now})))::float8 AS seconds
    FROM ${db.table('budgets')} WHERE key = ${key}`
  return left?.seconds ?? 1
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

/** Gives back one that was spent for nothing. */
export async function refundBudget(db: Executor, { key }: Budget): Promise<void> {
  const left = await db.sql`
    UPDATE ${db.table('budgets')} SET count = count - 1 WHERE key = ${key} AND count > 1 RETURNING 1`
  if (left.length === 0) await db.sql`DELETE FROM ${db.table('budgets')} WHERE key = ${key} AND count <= 1`
}

/** Forgets what was spent. */
export async function clearBudgets(db: Executor, keys: readonly string[]): Promise<void> {
  await db.sql`DELETE FROM ${db.table('budgets')} WHERE key = ANY(${keys})`
}
