import type { Auth } from '../../core/auth.js'
import type { RequestContext } from '../../core/context.js'
import { IdentSphereError } from '../../core/errors.js'
import { type Contributions, extensionPoint } from '../../core/extension-point.js'
import type { Tx } from '../../core/store/store.js'
import { bumpSecurityVersion, type CredentialUpdate } from './repository.js'

/** Why the security of an account changed. */
export type SecurityCause = keyof typeof consequences

/** The consequences of one cause. */
export interface Consequences {
  /** The user's other sessions. `choice`: the user decides. */
  readonly otherSessions: 'end' | 'keep' | 'choice'
  /** The session that makes the change. Without such a session, all sessions are other sessions. */
  readonly thisSession: 'keep' | 'end'
  /**
   * `mfa_verified_at` of sessions that are kept. `forget`: removed. `renew`: removed, and set again in this session if it has
   * just used a second factor.
   */
  readonly mfaTime: 'keep' | 'forget' | 'renew'
  /**
   * Enrollments and passkey ceremonies that have begun. They end with their session. `keep`: those of kept sessions continue.
   */
  readonly pendingEnrollments: 'keep' | 'delete'
  /** Sign-ins that wait for a second factor, and mailed codes and links to sign in, reset and change the address. */
  readonly openChallenges: 'void'
  /** Mailed links that verify an address. */
  readonly verifyLinks: 'keep' | 'delete'
  /** Mailed links that revert earlier changes. `later`: deletes the links for changes after the reverted one. */
  readonly revertLinks: 'keep' | 'delete' | 'later'
  /** Trusted browsers. `thisBrowser`: only the browser of this session stays trusted. */
  readonly trust: 'end' | 'thisBrowser'
  /** Second factors and passkeys. `since`: removes those that were added after {@link SecurityChange.since}. */
  readonly factors: 'keep' | 'remove' | 'since'
  readonly memberships: 'keep' | 'leave'
}

const always = { openChallenges: 'void' } as const

/**
 * The consequences of each cause. The reactions of features follow this table. Sessions, challenges, codes, links and trust hold
 * the security version of their creation. A new version makes them void without a statement.
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

/** A change that was just made. Features react to it in the same transaction. */
export interface SecurityChange {
  readonly cause: SecurityCause
  readonly consequences: Consequences
  readonly userId: string
  /** The security versions before and after. */
  readonly from: number
  readonly to: number
  /** The session that made the change and is kept, or null. */
  readonly session: Auth | null
  /** Whether the other sessions end. */
  readonly endsOthers: boolean
  /** Methods (`amr`, RFC 8176) of the factor that this session has just used, or null. */
  readonly secondFactorAmr: readonly string[] | null
  /** For `since` and `later`: the time of the reverted change. */
  readonly since: Date | null
  readonly context: RequestContext
}

/** Reactions to a security change. They run in the order of the features. */
export const securityChanged =
  extensionPoint<(tx: Tx, change: SecurityChange) => Promise<void>>('users.securityChanged')

export interface SecurityChangeInput {
  userId: string
  /** The session that makes the change. Absent for mailed links, the host's own code and the worker. */
  session?: Auth
  /** Columns of the user that change in the same statement. */
  update?: CredentialUpdate
  /** The change is made only if the user still has this security version. Absent: always. */
  expectedVersion?: number
  /** For a cause with `otherSessions: 'choice'`. Default false. */
  keepOthers?: boolean
  /** See {@link SecurityChange.secondFactorAmr}. */
  secondFactorAmr?: readonly string[]
  since?: Date
  context: RequestContext
}

/** The only place that changes `security_version`. */
export interface SecurityChanges {
  /**
   * Makes a change and calls the reactions of all features.
   *
   * @returns the new security version, or undefined if the user does not exist, has another status, or no longer has
   * `expectedVersion`
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
        secondFactorAmr: input.secondFactorAmr ?? null,
        since: input.since ?? null,
        context: input.context,
      }
      for (const react of contributions(securityChanged)) await react(tx, change)
      return to
    },
  }
}

/** The error for a change that lost against a concurrent one. */
export function justChanged(): IdentSphereError {
  return new IdentSphereError('conflict', { message: 'The account was changed at the same time. Try again.' })
}
