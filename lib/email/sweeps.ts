import { sweep } from '../jobs/sweep.js'
import type { Job } from '../jobs/worker.js'
import type { Store } from '../store/store.js'

/** Links and codes a day past their end. */
export function emailSweeps(store: Store): Job[] {
  return [sweep(store, 'email_challenges', 'id', (now) => `expires_at < ${now} - interval '1 day'`)]
}
