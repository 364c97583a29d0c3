import { sweep } from '../../core/jobs/sweep.js'
import type { Job } from '../../core/jobs/worker.js'
import { sql } from '../../core/store/sql.js'
import type { Store } from '../../core/store/store.js'

/** Deletes expired trust. Revoked trust is kept until it expires, so that the user can see it in an export. */
export function trustedBrowserSweeps(store: Store): Job[] {
  return [sweep(store, 'trusted_browsers', 'id', (now) => sql`expires_at < ${now} - interval '1 day'`)]
}
