import type { Auth } from '../../core/auth.js'
import type { RequestContext } from '../../core/context.js'
import { IdentSphereError } from '../../core/errors.js'
import { type Contributions, extensionPoint } from '../../core/extension-point.js'
import type { Tx } from '../../core/store/store.js'
import { bumpSecurityVersion, type CredentialUpdate } from './repository.js'

/** Why the security of an account changed. */
export type SecurityCause = keyof typeof consequences

/** What one cause does to what is open, and to what was remembered. */
export interface Consequences {
  /** The user's other sessions. `choice`: the user decides. */
  readonly otherSessions: 'end' | 'keep' | 'choice'
  /** The session that makes the change, if there is one. Without one, all sessions are other sessions. */
  readonly thisSession: 'keep' | 'end'
  /** `mfa_verified_at` of sessions that go on. `renew`: forgotten in all, and set again in this session if it has just shown a factor. */
  readonly mfaTime: 'keep' | 'forget' | 'renew'
  /**
   * Enrollments and passkey ceremonies that have begun. They belong to a session, and end with it, so `keep` keeps those of sessions that
   * go on.
   */
  readonly pendingEnrollments: 'keep' | 'delete'
  /** Sign-ins that wait for a second factor, and mailed codes and links to sign in, reset and change the address. */
  readonly openChallenges: 'void'
  /** Mailed links that verify an address. */
  readonly verifyLinks: 'keep' | 'delete'
  /** Mailed links that revert earlier changes. `later`: those of changes after the reverted one. */
  readonly revertLinks: 'keep' | 'delete' | 'later'
  /** Trusted browsers. `thisBrowser`: the one of this session stays trusted. */
  readonly trust: 'end' | 'thisBrowser'
  /** Second factors and passkeys. `since`: those that were added since a moment. */
  readonly factors: 'keep' | 'remove' | 'since'
  /** Memberships in organizations. */
  readonly memberships: 'keep' | 'leave'
}

const always = { openChallenges: 'void' } as const

/**
 * The one table of what follows from a change. Features read it in their reaction; no feature decides by itself. What is void by the new
 * security version needs no statement: sessions, challenges, codes, links and trust carry the version under which they were made.
 */
export const consequences = Object.freeze({
  passwordChanged: {
    ...always,
    otherSessions: 'choice',
    thisSession: 'keep',
    pendingEnrollments: 'keep',
    mfaTime: 'keep',
    verifyLinks: 'keep',
    revertLinks: 'keep',
    trust: 'end',
    factors: 'keep',
    memberships: 'keep',
  },
  passwordReset: {
    ...always,
    otherSessions: 'end',
    thisSession: 'end',
    pendingEnrollments: 'keep',
    mfaTime: 'forget',
    verifyLinks: 'delete',
    revertLinks: 'keep',
    trust: 'end',
    factors: 'keep',
    memberships: 'keep',
  },
  factorAdded: {
    ...always,
    otherSessions: 'keep',
    thisSession: 'keep',
    pendingEnrollments: 'delete',
    mfaTime: 'renew',
    verifyLinks: 'keep',
    revertLinks: 'keep',
    trust: 'end',
    factors: 'keep',
    memberships: 'keep',
  },
  factorReplaced: {
    ...always,
    otherSessions: 'end',
    thisSession: 'keep',
    pendingEnrollments: 'delete',
    mfaTime: 'renew',
    verifyLinks: 'keep',
    revertLinks: 'keep',
    trust: 'end',
    factors: 'keep',
    memberships: 'keep',
  },
  factorRemoved: {
    ...always,
    otherSessions: 'end',
    thisSession: 'keep',
    pendingEnrollments: 'delete',
    mfaTime: 'forget',
    verifyLinks: 'keep',
    revertLinks: 'keep',
    trust: 'end',
    factors: 'keep',
    memberships: 'keep',
  },
  factorsRemovedByHost: {
    ...always,
    otherSessions: 'end',
    thisSession: 'end',
    pendingEnrollments: 'delete',
    mfaTime: 'forget',
    verifyLinks: 'keep',
    revertLinks: 'keep',
    trust: 'end',
    factors: 'remove',
    memberships: 'keep',
  },
  emailChanged: {
    ...always,
    otherSessions: 'end',
    thisSession: 'keep',
    pendingEnrollments: 'keep',
    mfaTime: 'keep',
    verifyLinks: 'delete',
    revertLinks: 'keep',
    trust: 'end',
    factors: 'keep',
    memberships: 'keep',
  },
  accountClaimed: {
    ...always,
    otherSessions: 'end',
    thisSession: 'end',
    pendingEnrollments: 'delete',
    mfaTime: 'forget',
    verifyLinks: 'delete',
    revertLinks: 'delete',
    trust: 'end',
    factors: 'remove',
    memberships: 'leave',
  },
  changesReverted: {
    ...always,
    otherSessions: 'end',
    thisSession: 'end',
    pendingEnrollments: 'delete',
    mfaTime: 'forget',
    verifyLinks: 'delete',
    revertLinks: 'later',
    trust: 'end',
    factors: 'since',
    memberships: 'keep',
  },
  disabled: {
    ...always,
    otherSessions: 'end',
    thisSession: 'end',
    pendingEnrollments: 'keep',
    mfaTime: 'forget',
    verifyLinks: 'keep',
    revertLinks: 'keep',
    trust: 'end',
    factors: 'keep',
    memberships: 'keep',
  },
  enabled: {
    ...always,
    otherSessions: 'end',
    thisSession: 'end',
    pendingEnrollments: 'keep',
    mfaTime: 'forget',
    verifyLinks: 'keep',
    revertLinks: 'keep',
    trust: 'end',
    factors: 'keep',
    memberships: 'keep',
  },
  signedOutOthers: {
    ...always,
    otherSessions: 'end',
    thisSession: 'keep',
    pendingEnrollments: 'delete',
    mfaTime: 'keep',
    verifyLinks: 'keep',
    revertLinks: 'keep',
    trust: 'thisBrowser',
    factors: 'keep',
    memberships: 'keep',
  },
  signedOutEverywhere: {
    ...always,
    otherSessions: 'end',
    thisSession: 'end',
    pendingEnrollments: 'delete',
    mfaTime: 'forget',
    verifyLinks: 'keep',
    revertLinks: 'keep',
    trust: 'end',
    factors: 'keep',
    memberships: 'keep',
  },
  erased: {
    ...always,
    otherSessions: 'end',
    thisSession: 'end',
    pendingEnrollments: 'delete',
    mfaTime: 'forget',
    verifyLinks: 'delete',
    revertLinks: 'delete',
    trust: 'end',
    factors: 'remove',
    memberships: 'leave',
  },
} as const satisfies Record<string, Consequences>)

/** A change that has just been made, for features that react to it in the same transaction. */
export interface SecurityChange {
  readonly cause: SecurityCause
  readonly consequences: Consequences
  readonly userId: string
  /** The security versions before and after. */
  readonly from: number
  readonly to: number
  /** The session that made the change and goes on; null if none does. */
  readonly session: Auth | null
  /** Whether the other sessions end. */
  readonly endsOthers: boolean
  /** The factor that this session has just shown (`amr`, RFC 8176); null if none. */
  readonly shown: readonly string[] | null
  /** For `since` and `later`: the moment to which the account goes back. */
  readonly since: Date | null
  readonly context: RequestContext
}

/** Reactions to a security change, in the order of the features. */
export const securityChanged =
  extensionPoint<(tx: Tx, change: SecurityChange) => Promise<void>>('users.securityChanged')

/** What changes, and who changes it. */
export interface SecurityChangeInput {
  userId: string
  /** The session that makes the change; absent for a mailed link, the host's own code and the worker. */
  session?: Auth
  /** Columns of the user that change with the version. */
  update?: CredentialUpdate
  /** The security version that must still hold. Absent: any. */
  expectedVersion?: number
  /** For a cause whose other sessions are the user's choice. */
  keepOthers?: boolean
  shown?: readonly string[]
  since?: Date
  context: RequestContext
}

/** The only place that moves `security_version`. */
export interface SecurityChanges {
  /**
   * Makes a change and lets all features react, in one transaction.
   *
   * @returns the new security version; undefined if the user does not exist, is in another status, or has changed since it was read
   * @throws IdentSphereError `authentication_required` if the session that makes the change has ended
   */
  apply(tx: Tx, cause: SecurityCause, input: SecurityChangeInput): Promise<number | undefined>
}

export function createSecurityChanges(contributions: Contributions): SecurityChanges {
  return {
    async apply(tx, cause, input) {
      const row: Consequences = consequences[cause]
      const to = await bumpSecurityVersion(tx, input.userId, input.update ?? {}, input.expectedVersion)
      if (to === undefined) return undefined
      const change: SecurityChange = {
        cause,
        consequences: row,
        userId: input.userId,
        from: to - 1,
        to,
        session: row.thisSession === 'keep' ? (input.session ?? null) : null,
        endsOthers: row.otherSessions === 'choice' ? input.keepOthers !== true : row.otherSessions === 'end',
        shown: input.shown ?? null,
        since: input.since ?? null,
        context: input.context,
      }
      for (const react of contributions(securityChanged)) await react(tx, change)
      return to
    },
  }
}

/** A change that has to hit: another one was faster. */
export function justChanged(): IdentSphereError {
  return new IdentSphereError('conflict', { message: 'The account has just been changed.' })
}
