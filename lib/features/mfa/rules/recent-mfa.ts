import type { Auth } from '../../../core/auth.js'
import { IdentSphereError } from '../../../core/errors.js'
import { isRecent } from '../../sessions/rules/recent-auth.js'

/** Seconds for which a second factor counts as recent. */
export const recentMfaSeconds = 1800

/** Second factors that a user has enrolled. The client learns whether to ask for one or to set one up. */
export type EnrolledMethods = (userId: string) => Promise<readonly string[]>

/** @throws IdentSphereError `mfa_required` */
export async function assertRecentMfa(auth: Auth, maxAgeSeconds: number, methods: EnrolledMethods): Promise<void> {
  if (!isRecent(auth.mfaVerifiedAt, auth, maxAgeSeconds)) throw mfaRequired(await methods(auth.userId))
}

export function mfaRequired(enrolled: readonly string[]): IdentSphereError {
  return new IdentSphereError('mfa_required', { details: { enrolled: enrolled.length > 0, methods: enrolled } })
}
