import type { RequestContext } from '../../core/context.js'
import type { Query } from '../../core/store/together.js'

/** A user after the first factor of a sign-in. */
export interface FirstFactor {
  userId: string
  /** Active organization of the new session. Undefined: the first organization that the user joined. */
  organizationId?: string | null
  /** The user's security version when the credentials were checked. */
  securityVersion: number
  authMethod: string
  amr: readonly string[]
  /** Seconds since a second factor was used. Undefined if none was used, and a challenge may be needed. */
  mfaAgeSeconds?: number
  /** A recovery code replaced the second factor. The session does not count as MFA. */
  recovered?: true
  /** The user was created in this transaction, and so has no second factor. */
  isNewUser?: true
  /** The trust token of the browser. Undefined if this sign-in method does not accept trusted browsers. */
  trustToken?: string | null
  /** What follows from the proof. Sent with the last statement of the sign-in, so that nothing waits for it during a hook of the host. */
  writes?: readonly Query<unknown>[]
  context: RequestContext
}
