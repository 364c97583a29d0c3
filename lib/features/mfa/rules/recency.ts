import type { Auth } from '../../../core/auth.js'
import { IdentSphereError } from '../../../core/errors.js'

/** Seconds for which a proof of identity counts as recent. */
export const recentAuthSeconds = 600

/** Default of `requireRecentMfa`, in seconds. */
export const recentMfaSeconds = 1800

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

/** Second factors that a user has enrolled, for the client: whether to ask for one or to set one up. */
export type EnrolledMethods = (userId: string) => Promise<readonly string[]>

/** @throws IdentSphereError `mfa_required` */
export async function assertRecentMfa(auth: Auth, maxAgeSeconds: number, methods: EnrolledMethods): Promise<void> {
  if (!isRecent(auth.mfaVerifiedAt, auth, maxAgeSeconds)) throw mfaRequired(await methods(auth.userId))
}

/**
 * For what moves, reads out or ends an account: a password alone is not enough for it where there is a second factor, and it is
 * not for who acts as somebody else.
 *
 * @throws IdentSphereError `forbidden`, `mfa_required`
 */
export async function assertOwnAccount(auth: Auth, methods: EnrolledMethods): Promise<void> {
  if (auth.impersonatorId !== null) throw new IdentSphereError('forbidden')
  if (isRecent(auth.mfaVerifiedAt, auth, recentMfaSeconds)) return
  const enrolled = await methods(auth.userId)
  if (enrolled.length > 0) throw mfaRequired(enrolled)
}

/** @throws IdentSphereError `mfa_required` where the role or organisation asks for a factor that the session has not shown */
export async function assertMfaWhereRequired(auth: Auth, methods: EnrolledMethods): Promise<void> {
  if (auth.mfaMissing) throw mfaRequired(await methods(auth.userId))
}

function mfaRequired(enrolled: readonly string[]): IdentSphereError {
  return new IdentSphereError('mfa_required', { details: { enrolled: enrolled.length > 0, methods: enrolled } })
}
