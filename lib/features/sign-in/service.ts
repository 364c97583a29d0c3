import type { Contributions } from '../../core/extension-point.js'
import type { CookieChange } from '../../core/http/cookies.js'
import type { Delivery } from '../../core/http/fields.js'
import type { Reply } from '../../core/http/route.js'
import type { Action } from '../../core/journal/actions.js'
import type { Journal } from '../../core/journal/journal.js'
import type { Store, Tx } from '../../core/store/store.js'
import { sendTogether } from '../../core/store/together.js'
import type { Organizations } from '../organizations/service.js'
import { describeSession, type SessionDescription } from '../sessions/describe.js'
import type { IssuedTokens } from '../sessions/issue.js'
import type { Sessions } from '../sessions/service.js'
import type { SessionFacts } from '../sessions/session-facts.js'
import { actions } from './actions.js'
import type { LoginChallenges, OpenedChallenge } from './challenges.js'
import type { DeviceCookies, DeviceToken } from './device-cookie.js'
import {
  type ChallengeExemption,
  challengeExemptions,
  type SecondFactor,
  type SecondFactorMethod,
  secondFactors,
} from './extension-points.js'
import type { FirstFactor } from './first-factor.js'
import type { SignInHooks } from './options.js'

/** The result of a sign-in: a session, or a challenge for a second factor. */
export type SignInResult =
  | {
      readonly kind: 'session'
      readonly session: SessionFacts
      readonly refreshToken: string
      readonly exemption: ChallengeExemption | null
    }
  | { readonly kind: 'challenge'; readonly challenge: OpenedChallenge }

/** The body of a successful sign-in. */
export type SignInSuccess = { status: 'success' } & SessionDescription & IssuedTokens['fields']

/**
 * What happens after a first factor succeeded. Every first factor ends here, and only this service creates sessions, so policy and second
 * factors are asked in one place.
 */
export function createSignIn(deps: {
  store: Store
  journal: Journal
  sessions: Sessions
  organizations: Organizations
  challenges: LoginChallenges
  devices: DeviceCookies
  contributions: Contributions
  hooks: SignInHooks
}) {
  const { store, journal, sessions, organizations, challenges, devices, contributions, hooks } = deps

  /**
   * Reads what a sign-in depends on.
   *
   * @returns the methods that answer a challenge, none if the user need not meet one
   */
  async function readAccount(
    tx: Tx,
    { userId, organizationId, mfaAgeSeconds, recovered, isNewUser }: FirstFactor,
  ): Promise<{ organizationId: string | null; methods: readonly SecondFactorMethod[] }> {
    const needsNone = mfaAgeSeconds !== undefined || recovered === true || isNewUser === true
    const factors = needsNone ? [] : contributions(secondFactors)
    const { enrolled, first } = await sendTogether(tx, {
      enrolled: factors.map((factor) => factor.methods(tx, userId)),
      first: organizationId === undefined ? [organizations.defaultFor(tx, userId)] : [],
      others: journal.prepare(tx, userId),
    })
    return {
      organizationId: organizationId === undefined ? (first[0] ?? null) : organizationId,
      methods: challengeMethods(factors, enrolled),
    }
  }

  async function exemptionOf(tx: Tx, firstFactor: FirstFactor): Promise<ChallengeExemption | null> {
    for (const exempt of contributions(challengeExemptions)) {
      const exemption = await exempt(tx, firstFactor)
      if (exemption !== null) return exemption
    }
    return null
  }

  /** Tokens and body for a session that has been committed. */
  function issueTokens(
    { session, refreshToken }: Extract<SignInResult, { kind: 'session' }>,
    delivery: Delivery,
  ): { body: SignInSuccess; cookies: readonly CookieChange[] } {
    const { fields, cookies } = sessions.issueTokens(session, refreshToken, delivery)
    const description = describeSession(session, organizations.permissionsOf(session.role))
    return { body: { status: 'success', ...description, ...fields }, cookies }
  }

  return {
    /** @throws IdentSphereError `invalid_credentials` if the account changed meanwhile, or what the host's hook throws */
    async completeFirstFactor(tx: Tx, firstFactor: FirstFactor): Promise<SignInResult> {
      const { userId, authMethod, context } = firstFactor
      const { organizationId, methods } = await readAccount(tx, firstFactor)
      const exemption = methods.length > 0 ? await exemptionOf(tx, firstFactor) : null
      if (methods.length > 0 && exemption === null) {
        const challenge = await challenges.begin(tx, { ...firstFactor, organizationId }, methods)
        await journal.record(tx, actionsOf(authMethod).mfaRequired, { actorId: userId, context }, firstFactor.writes)
        return { kind: 'challenge', challenge }
      }
      await hooks.beforeSignIn?.(tx.trx, { userId, authMethod })
      const created = await sessions.create(tx, {
        ...firstFactor,
        organizationId,
        ...(exemption === null ? {} : { trustedBrowserId: exemption.browserId }),
      })
      const facts = {
        actorId: userId,
        organizationId,
        resource: { type: 'session', id: created.session.id },
        data: { auth_method: authMethod },
        context,
      }
      await journal.record(tx, actionsOf(authMethod).login, facts, firstFactor.writes)
      return { kind: 'session', ...created, exemption }
    },

    issueTokens,

    /**
     * The answer to a sign-in: a session with its tokens, or the challenge without cookies.
     *
     * @param presentDevice the device token that the client has, or null
     */
    answer(result: SignInResult, delivery: Delivery, presentDevice: string | null, status = 200): Reply {
      if (result.kind === 'challenge') return { status: 200, body: { status: 'mfa_required', ...result.challenge } }
      const { body, cookies } = issueTokens(result, delivery)
      const device = devices.renew(body.user.user_id, presentDevice)
      const kept = [...cookies, ...listOf(result.exemption?.cookie)]
      if (delivery === 'cookie') return { status, body, cookies: [...kept, ...listOf(device && deviceCookie(device))] }
      return { status, body: { ...body, ...(device && { device_token: device.token }) }, cookies: kept }
    },

    /** Second factors that the user has enrolled. Recovery codes do not count. */
    async enrolledMethods(userId: string): Promise<readonly SecondFactorMethod[]> {
      const { enrolled } = await sendTogether(store, {
        enrolled: contributions(secondFactors).map((factor) => factor.methods(store, userId)),
      })
      return enrolled.flat().filter((method) => method !== 'recovery_code')
    },

    /** The device id in a client's device token, or null if the token is not of this user. */
    readDevice: devices.read,
  }
}

/** @param enrolled the methods of each factor */
function challengeMethods(
  factors: readonly SecondFactor[],
  enrolled: ReadonlyArray<readonly SecondFactorMethod[]>,
): SecondFactorMethod[] {
  const methodsOf = (demandsChallenge: boolean) =>
    enrolled.filter((_, index) => factors[index]?.demandsChallenge === demandsChallenge).flat()
  const demanded = methodsOf(true)
  return demanded.length === 0 ? [] : [...demanded, ...methodsOf(false)]
}

function actionsOf(authMethod: string): { login: Action; mfaRequired: Action } {
  if (authMethod === 'email_otp' || authMethod === 'email_otp_with_mfa') {
    return { login: actions['auth.email_otp.login'], mfaRequired: actions['auth.email_otp.mfa_required'] }
  }
  return {
    login: authMethod === 'passkey' ? actions['auth.passkey.login'] : actions['auth.login'],
    mfaRequired: actions['auth.login.mfa_required'],
  }
}

function deviceCookie({ token, maxAgeSeconds }: DeviceToken): CookieChange {
  return { name: 'device', value: token, maxAgeSeconds }
}

function listOf(cookie: CookieChange | null | undefined): CookieChange[] {
  return cookie == null ? [] : [cookie]
}

export type SignIn = ReturnType<typeof createSignIn>
