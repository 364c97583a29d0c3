import { sweep } from '../../core/jobs/sweep.js'
import type { Job } from '../../core/jobs/worker.js'
import { sql } from '../../core/store/sql.js'
import type { Store } from '../../core/store/store.js'

/** Deletes expired challenges. */
export function passkeySweeps(store: Store): Job[] {
  return [sweep(store, 'webauthn_challenges', 'id', (now) => sql`expires_at < ${now}`)]
}
