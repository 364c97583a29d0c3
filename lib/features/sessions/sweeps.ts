import { sweep } from '../../core/jobs/sweep.js'
import type { Job } from '../../core/jobs/worker.js'
import { sql } from '../../core/store/sql.js'
import type { Store } from '../../core/store/store.js'
import type { SessionSettings } from './options.js'

/**
 * Deletes sessions and their refresh tokens one day after their end. Deletes salts after the grace period. Without the salt, the
 * successor of a token cannot be computed, even with access to the database.
 */
export function sessionSweeps(store: Store, settings: Pick<SessionSettings, 'refreshGraceSeconds'>): Job[] {
  const salts: Job = {
    name: 'sweep salts',
    everySeconds: Math.max(5, settings.refreshGraceSeconds),
    async run() {
      await store.sql`
        UPDATE ${store.table('refresh_tokens')} SET successor_salt = NULL
        WHERE successor_salt IS NOT NULL
          AND used_at + ${settings.refreshGraceSeconds} * interval '1 second' <= ${store.now}`
      return false
    },
  }
  return [salts, sweep(store, 'user_sessions', 'id', (now) => sql`expires_at < ${now} - interval '1 day'`)]
}
