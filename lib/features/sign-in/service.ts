import type { Config } from '../../core/config/config.js'
import type { RequestContext } from '../../core/context.js'
import type { CookieChange } from '../../core/http/cookies.js'
import type { Delivery } from '../../core/http/fields.js'
import type { Action } from '../../core/journal/catalogue.js'
import type { Journal } from '../../core/journal/journal.js'
import type { Executor, Store, Tx } from '../../core/store/store.js'
import type { Organizations } from '../organizations/service.js'
import { describeSession, type SessionDescription } from '../sessions/describe.js'
import type { IssuedTokens, TokenIssuer } from '../sessions/issue.js'
import type { Sessions } from '../sessions/service.js'

/** Somebody whose first factor was proven. */
export interface Proven {
  userId: string
  /** The active organisation to begin in; undefined: the one joined first. */
  organizationId?: string | null
  /** The user's security version when the credential was read. */
  securityVersion: number
  authMethod: string
  amr: readonly string[]
  /** Seconds since a second factor was shown as well; undefined where none was, and one may be asked for. */
  mfaAgeSeconds?: number
  /** A recovery code stood in for the second factor: the session begins without one. */
  recovered?: true
  /** What a browser shows that its user trusts; undefined where a way to sign in takes no trust. */
  trustToken?: string | null
  context: RequestContext
}

/** A browser that its user trusts was recognised. */
export interface Trust {
  readonly browserId: string
  /** The token that it keeps from now on, or null where it has just been given it. */
  readonly next: { readonly token: string; readonly maxAgeSeconds: number } | null
}

/** What stands between a proven first factor and a session. */
export interface Challenge {
  mfa_token: string
  mfa_token_expires_in: number
  methods: readonly string[]
}

/** How a challenge can be answered. */
export type SecondFactorMethod = 'totp' | 'passkey' | 'recovery_code'

/** A room that keeps second factors. */
export interface SecondFactor {
  /** Whether sign-ins by another first factor have to meet it. One that only may be used counts for everything else. */
  readonly demandsChallenge: boolean
  /** What this user has enrolled. */
  methods(db: Executor, userId: string): Promise<readonly SecondFactorMethod[]>
  /** Takes enrolments that are on their way away. */
  removePending(tx: Tx, userId: string): Promise<void>
  /** Takes what was enrolled away, all of it or what was since a moment, and enrolments that are on their way. */
  removeAll(tx: Tx, userId: string, since?: Date): Promise<void>
}

/** Where a sign-in ended: in a session, or in front of a second factor. */
export type Entered =
  | {
      readonly kind: 'session'
      readonly sessionId: string
      readonly refreshToken: string
      readonly trust: Trust | null
    }
  | { readonly kind: 'challenge'; readonly challenge: Challenge }

/** The body of a successful sign-in. */
export type SignInSuccess = { status: 'success' } & SessionDescription & IssuedTokens['fields']

/**
 * What happens after a first factor succeeded. Every first factor ends here, and nobody else creates sessions, so policy and
 * second factors are asked in one place.
 */
export function createSignIn(options: {
  store: Store
  journal: Journal
  sessions: Sessions
  organizations: Organizations
  issuer: TokenIssuer
  permissionsOf: (role: string | null) => readonly string[]
  secondFactors: readonly SecondFactor[]
  /** Whether this comes from a browser in which the second factor is not asked for. */
  recogniseBrowser: (tx: Tx, proven: Proven) => Promise<Trust | null>
  /** Begins a challenge that any of the methods answers. */
  beginChallenge: (
    tx: Tx,
    proven: Proven & { organizationId: string | null },
    methods: readonly SecondFactorMethod[],
  ) => Promise<Challenge>
  config: Pick<Config, 'hooks'>
}) {
  const { store, journal, sessions, organizations, issuer, secondFactors, config } = options
  const demanding = secondFactors.filter(({ demandsChallenge }) => demandsChallenge)
  const optional = secondFactors.filter(({ demandsChallenge }) => !demandsChallenge)

  const methodsOf = async (db: Executor, userId: string, factors: readonly SecondFactor[]) => {
    const methods: SecondFactorMethod[] = []
    for (const factor of factors) methods.push(...(await factor.methods(db, userId)))
    return methods
  }

  /** The methods that answer a challenge; none where the user need not meet one, and then nothing else is asked for. */
  async function challengeMethods(tx: Tx, userId: string): Promise<SecondFactorMethod[]> {
    const demanded = await methodsOf(tx, userId, demanding)
    return demanded.length === 0 ? [] : [...demanded, ...(await methodsOf(tx, userId, optional))]
  }

  return {
    /** @throws IdentSphereError `invalid_credentials` where the account changed meanwhile, or what the host's hook throws */
    async enter(tx: Tx, proven: Proven): Promise<Entered> {
      const organizationId =
        proven.organizationId === undefined ? await organizations.defaultFor(tx, proven.userId) : proven.organizationId
      const answered = proven.mfaAgeSeconds !== undefined || proven.recovered === true
      const methods = answered ? [] : await challengeMethods(tx, proven.userId)
      const trust = methods.length > 0 ? await options.recogniseBrowser(tx, proven) : null
      if (methods.length > 0 && trust === null) {
        const challenge = await options.beginChallenge(tx, { ...proven, organizationId }, methods)
        await journal.record(tx, actionsOf(proven).mfaRequired, {
          actorId: proven.userId,
          context: proven.context,
        })
        return { kind: 'challenge', challenge }
      }
      await config.hooks.beforeSignIn?.(tx.trx, { userId: proven.userId, authMethod: proven.authMethod })
      const created = await sessions.create(tx, {
        ...proven,
        organizationId,
        ...(trust === null ? {} : { trustedBrowserId: trust.browserId }),
      })
      await journal.record(tx, actionsOf(proven).login, {
        actorId: proven.userId,
        organizationId,
        resource: { type: 'session', id: created.sessionId },
        data: { auth_method: proven.authMethod },
        context: proven.context,
      })
      return { kind: 'session', ...created, trust }
    },

    /** Tokens and body for a session that has been committed. */
    async succeed(
      entered: Extract<Entered, { kind: 'session' }>,
      delivery: Delivery,
    ): Promise<{ body: SignInSuccess; cookies: readonly CookieChange[] }> {
      const session = await sessions.live(entered.sessionId)
      const { fields, cookies } = issuer.issue(session, entered.refreshToken, delivery)
      const description = describeSession(session, options.permissionsOf(session.role))
      return { body: { status: 'success', ...description, ...fields }, cookies }
    },

    /** Second factors that the user has enrolled. Recovery codes are none. */
    async enrolledMethods(userId: string): Promise<readonly SecondFactorMethod[]> {
      return (await methodsOf(store, userId, secondFactors)).filter((method) => method !== 'recovery_code')
    },

    /** What is on its way to a factor, or to a session by one, is begun anew. */
    async removePending(tx: Tx, userId: string): Promise<void> {
      for (const factor of secondFactors) await factor.removePending(tx, userId)
    },

    /** For who proved to be the account's owner: factors that somebody else enrolled go. */
    async removeSecondFactors(tx: Tx, userId: string, since?: Date): Promise<void> {
      for (const factor of secondFactors) await factor.removeAll(tx, userId, since)
    },
  }
}

function actionsOf({ authMethod }: Proven): { login: Action; mfaRequired: Action } {
  if (authMethod === 'email_otp' || authMethod === 'email_otp_with_mfa') {
    return { login: 'auth.email_otp.login', mfaRequired: 'auth.email_otp.mfa_required' }
  }
  return {
    login: authMethod === 'passkey' ? 'auth.passkey.login' : 'auth.login',
    mfaRequired: 'auth.login.mfa_required',
  }
}

export type SignIn = ReturnType<typeof createSignIn>
