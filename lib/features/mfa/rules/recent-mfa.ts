import type { Auth } from '../../../core/auth.js'
import { IdentSphereError } from '../../../core/errors.js'
import { isRecent } from '../../sessions/rules/recent-auth.js'

/** A second factor counts as recent for so long. */
export const recentMfaSeconds = 1800

/** Returns the enrolled second factors of a user. With them the client asks for a factor or offers the enrollment. */
export type EnrolledMethods = (userId: string) => Promise<readonly string[]>

/** @throws IdentSphereError `mfa_required` */
export async function assertRecentMfa(auth: Auth, maxAgeSeconds: number, methods: EnrolledMethods): Promise<void> {
  if (!isRecent(auth.mfaVerifiedAt, auth, maxAgeSeconds)) throw mfaRequired(await methods(auth.userId))
}

export function mfaRequired(enrolled: readonly string[]): IdentSphereError {
  return new IdentSphereError('mfa_required', { details: { enrolled: enrolled.length > 0, methods: enrolled } })
}
