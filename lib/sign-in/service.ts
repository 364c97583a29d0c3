import type { Config } from '../config/config.js'
import type { RequestContext } from '../http/context.js'
import type { CookieChange } from '../http/cookies.js'
import type { Journal } from '../journal/journal.js'
import type { Organizations } from '../organizations/service.js'
import { describeSession, type SessionDescription } from '../sessions/describe.js'
import type { Delivery, IssuedTokens, TokenIssuer } from '../sessions/issue.js'
import type { Sessions } from '../sessions/service.js'
import type { Tx } from '../store/store.js'

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
  context: RequestContext
}

/** What stands between a proven first factor and a session. */
export interface Challenge {
  mfa_token: string
  mfa_token_expires_in: number
  methods: readonly string[]
}

/** A room that asks for a second factor where the user has enrolled one. */
export interface SecondFactor {
  /** A challenge where this user must answer one first, else null. */
  challenge(tx: Tx, proven: Proven): Promise<Challenge | null>
  /** Second factors that the user has enrolled. */
  methods(userId: string): Promise<readonly string[]>
}

/** Where a sign-in ended: in a session, or in front of a second factor. */
export type Entered =
  | { readonly kind: 'session'; readonly sessionId: string; readonly refreshToken: string }
  | { readonly kind: 'challenge'; readonly challenge: Challenge }

/** The body of a successful sign-in. */
export type SignInSuccess = { status: 'success' } & SessionDescription & IssuedTokens['fields']

/**
 * What happens after a first factor succeeded. Every first factor ends here, and nobody else creates sessions, so policy and
 * second factors are asked in one place.
 */
export function createSignIn(options: {
  journal: Journal
  sessions: Sessions
  organizations: Organizations
  issuer: TokenIssuer
  permissionsOf: (role: string | null) => readonly string[]
  secondFactors: readonly SecondFactor[]
  config: Pick<Config, 'hooks'>
}) {
  const { journal, sessions, organizations, issuer, secondFactors, config } = options

  return {
    /** @throws IdentSphereError `invalid_credentials` where the account changed meanwhile, or what the host's hook throws */
    async enter(tx: Tx, proven: Proven): Promise<Entered> {
      await config.hooks.beforeSignIn?.(tx.trx, { userId: proven.userId, authMethod: proven.authMethod })
      const missing = proven.mfaAgeSeconds === undefined ? secondFactors : []
      for (const factor of missing) {
        const challenge = await factor.challenge(tx, proven)
        if (challenge === null) continue
        await journal.record(tx, byCode(proven) ? 'auth.email_otp.mfa_required' : 'auth.login.mfa_required', {
          actorId: proven.userId,
          context: proven.context,
        })
        return { kind: 'challenge', challenge }
      }
      const organizationId =
        proven.organizationId === undefined ? await organizations.defaultFor(tx, proven.userId) : proven.organizationId
      const created = await sessions.create(tx, { ...proven, organizationId })
      await journal.record(tx, byCode(proven) ? 'auth.email_otp.login' : 'auth.login', {
        actorId: proven.userId,
        organizationId,
        resource: { type: 'session', id: created.sessionId },
        data: { auth_method: proven.authMethod },
        context: proven.context,
      })
      return { kind: 'session', ...created }
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

    async enrolledMethods(userId: string): Promise<readonly string[]> {
      const methods = await Promise.all(secondFactors.map((factor) => factor.methods(userId)))
      return methods.flat()
    },
  }
}

function byCode({ authMethod }: Proven): boolean {
  return authMethod === 'email_otp'
}

export type SignIn = ReturnType<typeof createSignIn>
