import type { Auth } from '../../../core/auth.js'
import type { Check } from '../../../core/checks.js'
import { IdentSphereError } from '../../../core/errors.js'

/** Seconds for which a proof of identity counts as recent. */
const recentAuthSeconds = 600

/** Whether `moment` lies within the last `seconds`, by the database's clock. Missing, unparsable and future times do not. */
export function isRecent(moment: Date | null, auth: Auth, seconds: number): boolean {
  // The driver reads Postgres' infinity as a number.
  if (!(moment instanceof Date)) return false
  const age = auth.checkedAt.getTime() - moment.getTime()
  return age >= 0 && age <= seconds * 1000
}

/** @throws IdentSphereError `reauthentication_required` */
export function assertRecentAuth(auth: Auth): void {
  if (!isRecent(auth.authTime, auth, recentAuthSeconds)) throw new IdentSphereError('reauthentication_required')
}

/** Needs a proof of identity within the last 10 minutes. `POST /v1/auth/reauthenticate` renews it. */
export function recentAuth(): Check {
  return { name: 'recentAuth', errors: ['reauthentication_required'], assert: assertRecentAuth }
}
