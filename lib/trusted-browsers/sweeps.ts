import { sweep } from '../jobs/sweep.js'
import type { Job } from '../jobs/worker.js'
import type { Store } from '../store/store.js'

/** Trust that has ended; revoked trust is kept until then, so that its owner can see it in an export. */
export function trustedBrowserSweeps(store: Store): Job[] {
  return [sweep(store, 'trusted_browsers', 'id', (now) => `expires_at < ${now} - interval '1 day'`)]
}
