import { sweep } from '../../core/jobs/sweep.js'
import type { Job } from '../../core/jobs/worker.js'
import { sql } from '../../core/store/sql.js'
import type { Store } from '../../core/store/store.js'

/** Deletes links and codes one day after they have expired. */
export function emailSweeps(store: Store): Job[] {
  return [sweep(store, 'email_challenges', 'id', (now) => sql`expires_at < ${now} - interval '1 day'`)]
}
