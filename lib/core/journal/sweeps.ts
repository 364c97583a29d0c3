import { sweep } from '../jobs/sweep.js'
import type { Job } from '../jobs/worker.js'
import { sql } from '../store/sql.js'
import type { Store } from '../store/store.js'

/** Events that nothing fetched within a week are of no use to a webhook any more. */
export function journalSweeps(store: Store): Job[] {
  return [sweep(store, 'webhook_events', 'id', (now) => sql`created_at < ${now} - interval '7 days'`)]
}
