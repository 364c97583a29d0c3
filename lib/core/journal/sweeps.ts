import { sweep } from '../jobs/sweep.js'
import type { Job } from '../jobs/worker.js'
import { sql } from '../store/sql.js'
import type { Store } from '../store/store.js'

/** Deletes webhook events after a week. */
export function journalSweeps(store: Store): Job[] {
  return [sweep(store, 'webhook_events', 'id', (now) => sql`created_at < ${now} - interval '7 days'`)]
}
