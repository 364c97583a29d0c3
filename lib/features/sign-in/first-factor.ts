import type { RequestContext } from '../../core/context.js'
import type { Query } from '../../core/store/together.js'

/** A user whose first factor was proven. */
export interface FirstFactor {
  userId: string
  /** The active organization to begin in; undefined: the one joined first. */
  organizationId?: string | null
  /** The user's security version when the credential was read. */
  securityVersion: number
  authMethod: string
  amr: readonly string[]
  /** Seconds since a second factor was shown too; undefined if none was, and one may be asked for. */
  mfaAgeSeconds?: number
  /** A recovery code was used in place of the second factor: the session begins without one. */
  recovered?: true
  /** The trust token of the browser; undefined if this way to sign in accepts none. */
  trustToken?: string | null
  /** What follows from the proof, for the first statement of the sign-in. */
  writes?: readonly Query<unknown>[]
  context: RequestContext
}
