import { sweep } from '../jobs/sweep.js'
import type { Job } from '../jobs/worker.js'
import { sql } from '../store/sql.js'
import type { Store } from '../store/store.js'

/** Deletes the rows of sent and given-up mails after a week. Their content was deleted before. */
export function mailSweeps(store: Store): Job[] {
  return [
    sweep(
      store,
      'mail_outbox',
      'id',
      (now) => sql`(sent_at IS NOT NULL OR given_up_at IS NOT NULL) AND created_at < ${now} - interval '7 days'`,
    ),
  ]
}
