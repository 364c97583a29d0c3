import { sweep } from '../jobs/sweep.js'
import type { Job } from '../jobs/worker.js'
import { sql } from './sql.js'
import type { Store } from './store.js'

/** Budgets whose window is over count for nothing. */
export function budgetSweeps(store: Store): Job[] {
  return [sweep(store, 'budgets', 'key', (now) => sql`window_ends_at < ${now}`)]
}
