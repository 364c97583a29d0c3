import type { Auth } from '../../core/auth.js'
import type { Clock } from '../../core/config/clock.js'
import type { Config } from '../../core/config/config.js'
import type { RequestContext } from '../../core/context.js'
import type { KeyRing } from '../../core/crypto/key-ring.js'
import { randomOctets, uuidv7 } from '../../core/crypto/random.js'
import { open, seal } from '../../core/crypto/sealing.js'
import { IdentSphereError } from '../../core/errors.js'
import { invalidInput } from '../../core/http/validate.js'
import type { Action } from '../../core/journal/catalogue.js'
import type { Journal } from '../../core/journal/journal.js'
import type { Store, Tx } from '../../core/store/store.js'
import type { FactorChanges } from '../mfa/factor-changes.js'
import { assertRecentAuth } from '../mfa/rules/recency.js'
import type { StepUp } from '../mfa/step-up.js'
import type { Passwords } from '../passwords/service.js'
import type { Sessions } from '../sessions/service.js'
import type { MfaChallenges } from '../sign-in/challenges.js'
import type { Completion } from '../sign-in/completion.js'
import type { Entered, SignIn } from '../sign-in/service.js'
import type { Accounts } from '../users/service.js'
import type { MfaBudget } from './budget.js'
import type { RecoveryCodes } from './recovery-codes.js'
import {
  confirmFactor,
  countRecoveryCodes,
  deleteConfirmedFactor,
  deleteFactors,
  deleteRecoveryCodes,
  type FactorRow,
  findConfirmedFactor,
  findPendingFactor,
  insertPendingFactor,
  lockConfirmedFactor,
  useStep,
} from './repository.js'
import { matchingStep, otpauthUrl, qrCode } from './totp.js'

/** What answers a challenge. */
export type ChallengeAnswer = { code: string } | { recoveryCode: string }

/** Seconds for which an enrolment may wait for its first code. */
const setupSeconds = 600
/** RFC 4226 section 4: 160 bits. */
const secretBytes = 20
const shown = { method: 'totp', amr: ['otp', 'mfa'] } as const

/**
 * Codes of an authenticator app. Each try is spent before anything is compared, and a code is used up in the transaction of
 * what it allows.
 *
 * @see RFC 6238
 */
export function createMfa(options: {
  store: Store
  clock: Clock
  keys: KeyRing
  journal: Journal
  accounts: Accounts
  passwords: Passwords
  sessions: Pick<Sessions, 'assertUnchanged'>
  signIn: SignIn
  challenges: MfaChallenges
  completion: Completion
  budget: MfaBudget
  factorChanges: FactorChanges
  recoveryCodes: RecoveryCodes
  stepUp: StepUp
  config: Pick<Config, 'mfa'>
}) {
  const { store, clock, keys, journal, accounts, passwords, sessions, challenges, completion, budget, recoveryCodes } =
    options

  const context = (id: string) => `mfa_factors.sealed_secret:${id}`

  /** The step that a code is of, or null where it is none of this factor's. */
  function stepOf(factor: FactorRow, code: string): number | null {
    const key = keys.version('sealing', factor.key_version)
    const secret = key === null ? null : open(key, factor.sealed_secret, context(factor.id))
    if (secret === null) throw new Error(`the secret of factor ${factor.id} cannot be opened`)
    return matchingStep(secret, code, clock.now())
  }

  function record(tx: Tx, action: Action, auth: Auth, requestContext: RequestContext): Promise<void> {
    return journal.record(tx, action, {
      actorId: auth.userId,
      organizationId: auth.organizationId,
      resource: { type: 'user', id: auth.userId },
      context: requestContext,
    })
  }

  /** Uses the code of the user's app up, for as long as `tx` lasts. @returns whether it was right and new */
  async function useCode(tx: Tx, userId: string, code: string): Promise<boolean> {
    const factor = await findConfirmedFactor(tx, userId)
    const step = factor === undefined ? null : stepOf(factor, code)
    return factor !== undefined && step !== null && (await useStep(tx, factor.id, step))
  }

  /**
   * The password, or recent authentication where the account has none.
   *
   * @throws IdentSphereError `invalid_credentials`, `invalid_input`, `reauthentication_required`, `rate_limited`
   */
  async function proveOwner(
    auth: Auth,
    password: string | undefined,
    requestContext: RequestContext,
  ): Promise<(tx: Tx) => Promise<void>> {
    const user = await accounts.credentialsById(store, auth.userId)
    if (user?.password_hash === null) {
      assertRecentAuth(auth)
      return (tx) => sessions.assertUnchanged(tx, auth.sessionId, user.security_version)
    }
    if (password === undefined) throw invalidInput([{ path: 'password', message: 'is required' }])
    const proven = await passwords.proveBySession(auth, password, requestContext)
    return (tx) => proven.settle(tx)
  }

  const notOn = () => new IdentSphereError('conflict', { message: 'No authenticator app is set up.' })

  return {
    async status(auth: Auth) {
      const methods = await options.signIn.enrolledMethods(auth.userId)
      return {
        enabled: methods.includes('totp'),
        methods: [...methods],
        recovery_codes_left: await countRecoveryCodes(store, auth.userId),
      }
    },

    /** Begins an enrolment. One that is enabled stays until the new one is confirmed. */
    async setup(auth: Auth) {
      const id = uuidv7()
      const secret = randomOctets(secretBytes)
      const { version, key } = keys.current('sealing')
      await store.transaction((tx) =>
        insertPendingFactor(tx, {
          id,
          userId: auth.userId,
          sessionId: auth.sessionId,
          keyVersion: version,
          sealedSecret: seal(key, secret, context(id)),
        }),
      )
      const url = otpauthUrl(options.config.mfa.issuer, auth.email, secret)
      return { secret: new URL(url).searchParams.get('secret') as string, url, qrCode: await qrCode(url) }
    },

    /**
     * Confirms the enrolment that this session began. The session then has shown the factor; where it replaced another, the
     * user's other sessions end.
     *
     * @returns recovery codes, in place of all older ones
     * @throws IdentSphereError `invalid_input` where none was begun, `conflict` where it is on already, `invalid_credentials`
     */
    async enable(auth: Auth, code: string, requestContext: RequestContext): Promise<string[]> {
      const pending = await findPendingFactor(store, auth.userId, auth.sessionId, setupSeconds)
      if (pending === undefined) {
        if ((await findConfirmedFactor(store, auth.userId)) !== undefined) throw alreadyOn()
        throw new IdentSphereError('invalid_input', { message: 'Begin with the setup of an authenticator app.' })
      }
      // The answer holds recovery codes: whoever has only the session must not guess for them.
      await budget.spend(auth.userId, 'recovery_code')
      const step = stepOf(pending, code)
      if (step === null) throw new IdentSphereError('invalid_credentials')
      return store.transaction(async (tx) => {
        const replaced = await deleteConfirmedFactor(tx, auth.userId)
        if (!(await confirmFactor(tx, pending.id, step, replaced))) throw alreadyOn()
        const codes = await recoveryCodes.replace(tx, auth.userId)
        await budget.begin(tx, auth.userId)
        const others = replaced === null ? 'keep' : 'end'
        await options.factorChanges.settle(tx, auth, { others, shown: shown.amr }, requestContext)
        await record(tx, replaced === null ? 'auth.mfa.enabled' : 'auth.mfa.replaced', auth, requestContext)
        return codes
      })
    },

    /** Ends the user's other sessions, and with the factor its recovery codes. @throws IdentSphereError `conflict` where it is off */
    async disable(auth: Auth, password: string | undefined, requestContext: RequestContext): Promise<void> {
      const settle = await proveOwner(auth, password, requestContext)
      await store.transaction(async (tx) => {
        await settle(tx)
        if (!(await deleteFactors(tx, auth.userId))) throw notOn()
        await deleteRecoveryCodes(tx, auth.userId)
        await options.factorChanges.settle(tx, auth, { others: 'end', shown: null }, requestContext)
        await record(tx, 'auth.mfa.disabled', auth, requestContext)
      })
    },

    /** New recovery codes; the old ones are void. @throws IdentSphereError `conflict` where no app is set up */
    async renewRecoveryCodes(
      auth: Auth,
      password: string | undefined,
      requestContext: RequestContext,
    ): Promise<string[]> {
      const settle = await proveOwner(auth, password, requestContext)
      return store.transaction(async (tx) => {
        if (!(await lockConfirmedFactor(tx, auth.userId))) throw notOn()
        await settle(tx)
        const codes = await recoveryCodes.replace(tx, auth.userId)
        await record(tx, 'auth.mfa.recovery_codes_regenerated', auth, requestContext)
        return codes
      })
    },

    /** Answers the challenge of a sign-in. @throws IdentSphereError `invalid_credentials`, `rate_limited` */
    async answerChallenge(mfaToken: string, answer: ChallengeAnswer, requestContext: RequestContext): Promise<Entered> {
      const challenge = await challenges.find(mfaToken)
      const { userId } = challenge
      const method = 'code' in answer ? 'totp' : 'recovery_code'
      const spent = await challenges.spendTry(challenge)
      const { isTold } = await budget.spend(userId, method)
      const entered = await store.transaction(async (tx) => {
        const right =
          'code' in answer
            ? await useCode(tx, userId, answer.code)
            : await recoveryCodes.use(tx, userId, answer.recoveryCode)
        if (!right) return null
        await budget.succeeded(tx, userId)
        if (method === 'totp') return completion.finish(tx, challenge, shown, requestContext)
        await journal.record(tx, 'auth.mfa.recovery_code_used', {
          actorId: userId,
          resource: { type: 'user', id: userId },
          context: requestContext,
        })
        return completion.finish(tx, challenge, { method, amr: ['recovery'], recovered: true }, requestContext)
      })
      if (entered !== null) return entered
      if (isTold) await store.transaction((tx) => budget.tell(tx, userId))
      return completion.refuse(challenge, spent, method, requestContext)
    },

    /** Shows the factor in a live session. Recovery codes are no factor. @throws IdentSphereError `conflict` where no app is set up */
    async verify(auth: Auth, code: string, requestContext: RequestContext): Promise<void> {
      // Before the code is looked at: who acts as somebody else must not learn whether it is right.
      if (auth.impersonatorId !== null) throw new IdentSphereError('forbidden')
      if ((await findConfirmedFactor(store, auth.userId)) === undefined) throw notOn()
      const { isTold } = await budget.spend(auth.userId, 'totp')
      const right = await store.transaction(async (tx) => {
        if (!(await useCode(tx, auth.userId, code))) return false
        await budget.succeeded(tx, auth.userId)
        await options.stepUp.record(tx, auth, shown, requestContext)
        return true
      })
      if (right) return
      await store.transaction(async (tx) => {
        await options.stepUp.refuse(tx, auth, 'totp', requestContext)
        if (isTold) await budget.tell(tx, auth.userId)
      })
      throw new IdentSphereError('invalid_credentials')
    },
  }
}

function alreadyOn(): IdentSphereError {
  return new IdentSphereError('conflict', { message: 'An authenticator app is set up already.' })
}

export type Mfa = ReturnType<typeof createMfa>
