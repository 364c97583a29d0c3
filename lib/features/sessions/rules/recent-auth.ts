import type { Auth } from '../../../core/auth.js'
import type { Check } from '../../../core/checks.js'
import { IdentSphereError } from '../../../core/errors.js'

/** Authentication counts as recent for so long. */
const recentAuthSeconds = 600

/** Whether `time` is in the last `seconds`, by the database's clock. A missing or future time is not recent. */
export function isRecent(time: Date | null, auth: Auth, seconds: number): boolean {
  // The driver returns `infinity` of Postgres as a number.
  if (!(time instanceof Date)) return false
  const ageMs = auth.checkedAt.getTime() - time.getTime()
  return ageMs >= 0 && ageMs <= seconds * 1000
}

/** @throws IdentSphereError `reauthentication_required` */
export function assertRecentAuth(auth: Auth): void {
  if (!isRecent(auth.authTime, auth, recentAuthSeconds)) throw new IdentSphereError('reauthentication_required')
}

/** Requires authentication in the last 10 minutes. `POST /v1/auth/reauthenticate` renews it. */
export function recentAuth(): Check {
  return { name: 'recentAuth', errors: ['reauthentication_required'], assert: assertRecentAuth }
}
