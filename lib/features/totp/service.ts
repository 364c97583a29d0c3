import type { Auth } from '../../core/auth.js'
import type { Clock } from '../../core/config/clock.js'
import type { RequestContext } from '../../core/context.js'
import type { KeyRing } from '../../core/crypto/key-ring.js'
import { randomOctets, uuidv7 } from '../../core/crypto/random.js'
import { open, seal } from '../../core/crypto/sealing.js'
import { IdentSphereError } from '../../core/errors.js'
import { invalidInput } from '../../core/http/validate.js'
import type { Action } from '../../core/journal/actions.js'
import { factsOf, factsOfUser } from '../../core/journal/facts.js'
import type { Journal } from '../../core/journal/journal.js'
import type { Store, Tx } from '../../core/store/store.js'
import { actions as mfaActions } from '../mfa/actions.js'
import type { Mfa } from '../mfa/feature.js'
import type { Passwords } from '../passwords/service.js'
import { assertRecentAuth } from '../sessions/rules/recent-auth.js'
import type { Sessions } from '../sessions/service.js'
import type { SignInService } from '../sign-in/feature.js'
import type { SignInResult } from '../sign-in/service.js'
import type { Users } from '../users/service.js'
import { actions } from './actions.js'
import type { TotpBudget } from './budget.js'
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

export type ChallengeAnswer = { code: string } | { recoveryCode: string }

/** An enrollment must be confirmed within this time. */
const setupSeconds = 600
/** RFC 4226 section 4 recommends 160 bits. */
const secretBytes = 20
const totpFactor = { method: 'totp', amr: ['otp', 'mfa'] } as const

/**
 * Codes of authenticator apps. Each try is spent before the code is compared. A code is consumed in the transaction of the act that
 * it authorizes.
 *
 * @see RFC 6238
 */
export function createTotp(deps: {
  store: Store
  clock: Clock
  keys: KeyRing
  journal: Journal
  users: Users
  passwords: Pick<Passwords, 'proveBySession'>
  sessions: Pick<Sessions, 'assertUnchanged'>
  signIn: Pick<SignInService, 'enrolledMethods' | 'completion'>
  mfa: Pick<Mfa, 'stepUp'>
  budget: TotpBudget
  recoveryCodes: RecoveryCodes
  issuer: string
}) {
  const { store, clock, keys, journal, users, passwords, sessions, signIn, budget, recoveryCodes } = deps
  const { completion } = signIn
  const { stepUp } = deps.mfa

  const context = (id: string) => `mfa_factors.sealed_secret:${id}`

  /** The time step of a code, or null if the code is wrong. */
  function stepOf(factor: FactorRow, code: string): number | null {
    const key = keys.version('sealing', factor.key_version)
    const secret = key === null ? null : open(key, factor.sealed_secret, context(factor.id))
    if (secret === null) throw new Error(`the secret of factor ${factor.id} cannot be decrypted`)
    return matchingStep(secret, code, clock.now())
  }

  function record(tx: Tx, action: Action, auth: Auth, requestContext: RequestContext): Promise<void> {
    return journal.record(tx, action, factsOf(auth, requestContext, { resource: { type: 'user', id: auth.userId } }))
  }

  async function changeFactors(
    tx: Tx,
    auth: Auth,
    cause: 'factorAdded' | 'factorReplaced' | 'factorRemoved',
    requestContext: RequestContext,
  ): Promise<void> {
    const version = await users.changeSecurity(tx, cause, {
      userId: auth.userId,
      session: auth,
      ...(cause === 'factorRemoved' ? {} : { secondFactorAmr: totpFactor.amr }),
      context: requestContext,
    })
    if (version === undefined) throw new IdentSphereError('authentication_required')
  }

  /** Consumes a code. @returns false if it is wrong or was already used */
  async function useCode(tx: Tx, userId: string, code: string): Promise<boolean> {
    const factor = await findConfirmedFactor(tx, userId)
    const step = factor === undefined ? null : stepOf(factor, code)
    return factor !== undefined && step !== null && (await useStep(tx, factor.id, step))
  }

  /**
   * Verifies the password, or requires recent authentication if the account has no password.
   *
   * @returns a function that asserts in the transaction that the proof is still valid
   * @throws IdentSphereError `invalid_credentials`, `invalid_input`, `reauthentication_required`, `rate_limited`
   */
  async function proveOwner(
    auth: Auth,
    password: string | undefined,
    requestContext: RequestContext,
  ): Promise<(tx: Tx) => Promise<void>> {
    const user = await users.credentialsById(store, auth.userId)
    if (user?.password_hash === null) {
      assertRecentAuth(auth)
      return (tx) => sessions.assertUnchanged(tx, auth.sessionId, user.security_version)
    }
    if (password === undefined) throw invalidInput([{ path: 'password', message: 'is required' }])
    const proven = await passwords.proveBySession(auth, password, requestContext)
    return (tx) => proven.apply(tx)
  }

  const notEnabled = () => new IdentSphereError('conflict', { message: 'No authenticator app is set up.' })

  return {
    async status(auth: Auth) {
      const methods = await signIn.enrolledMethods(auth.userId)
      return {
        enabled: methods.includes('totp'),
        methods: [...methods],
        recovery_codes_left: await countRecoveryCodes(store, auth.userId),
      }
    },

    /** Begins an enrollment. The current factor stays until the new one is confirmed. */
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
      const url = otpauthUrl(deps.issuer, auth.email, secret)
      return { secret: new URL(url).searchParams.get('secret') as string, url, qrCode: await qrCode(url) }
    },

    /**
     * Confirms the enrollment of this session. The session then counts as MFA. If the factor replaces another one, the user's other
     * sessions end.
     *
     * @returns new recovery codes, which replace all older ones
     * @throws IdentSphereError `invalid_input` without an enrollment, `conflict` if a factor is already enabled,
     * `invalid_credentials` for a wrong code
     */
    async enable(auth: Auth, code: string, requestContext: RequestContext): Promise<string[]> {
      const pending = await findPendingFactor(store, auth.userId, auth.sessionId, setupSeconds)
      if (pending === undefined) {
        if ((await findConfirmedFactor(store, auth.userId)) !== undefined) throw alreadyEnabled()
        throw new IdentSphereError('invalid_input', { message: 'Start the setup of an authenticator app first.' })
      }
      // The answer contains recovery codes. A stolen session must not get them by guessing the code.
      await budget.spend(auth.userId, 'recovery_code')
      const step = stepOf(pending, code)
      if (step === null) throw new IdentSphereError('invalid_credentials')
      return store.transaction(async (tx) => {
        const replaced = await deleteConfirmedFactor(tx, auth.userId)
        if (!(await confirmFactor(tx, pending.id, step, replaced))) throw alreadyEnabled()
        const codes = await recoveryCodes.replace(tx, auth.userId)
        await budget.reset(tx, auth.userId)
        await changeFactors(tx, auth, replaced === null ? 'factorAdded' : 'factorReplaced', requestContext)
        const action = replaced === null ? actions['auth.mfa.enabled'] : actions['auth.mfa.replaced']
        await record(tx, action, auth, requestContext)
        return codes
      })
    },

    /**
     * Removes the factor and its recovery codes, and ends the user's other sessions.
     *
     * @throws IdentSphereError `conflict` if no factor is enabled
     */
    async disable(auth: Auth, password: string | undefined, requestContext: RequestContext): Promise<void> {
      const applyProof = await proveOwner(auth, password, requestContext)
      await store.transaction(async (tx) => {
        await applyProof(tx)
        if (!(await deleteFactors(tx, auth.userId))) throw notEnabled()
        await deleteRecoveryCodes(tx, auth.userId)
        await changeFactors(tx, auth, 'factorRemoved', requestContext)
        await record(tx, mfaActions['auth.mfa.disabled'], auth, requestContext)
      })
    },

    /** Replaces all recovery codes. @throws IdentSphereError `conflict` if no factor is enabled */
    async renewRecoveryCodes(
      auth: Auth,
      password: string | undefined,
      requestContext: RequestContext,
    ): Promise<string[]> {
      const applyProof = await proveOwner(auth, password, requestContext)
      return store.transaction(async (tx) => {
        if (!(await lockConfirmedFactor(tx, auth.userId))) throw notEnabled()
        await applyProof(tx)
        const codes = await recoveryCodes.replace(tx, auth.userId)
        await record(tx, actions['auth.mfa.recovery_codes_regenerated'], auth, requestContext)
        return codes
      })
    },

    /** Completes a sign-in. @throws IdentSphereError `invalid_credentials`, `rate_limited` */
    async answerChallenge(
      mfaToken: string,
      answer: ChallengeAnswer,
      requestContext: RequestContext,
    ): Promise<SignInResult> {
      const challenge = await completion.find(mfaToken)
      const { userId } = challenge
      const method = 'code' in answer ? 'totp' : 'recovery_code'
      const spent = await completion.spendTry(challenge)
      const { shouldNotify } = await budget.spend(userId, method)
      const result = await store.transaction(async (tx) => {
        const isCorrect =
          'code' in answer
            ? await useCode(tx, userId, answer.code)
            : await recoveryCodes.use(tx, userId, answer.recoveryCode)
        if (!isCorrect) return null
        await budget.succeed(tx, userId)
        if (method === 'totp') return completion.finish(tx, challenge, totpFactor, requestContext)
        await journal.record(tx, actions['auth.mfa.recovery_code_used'], factsOfUser(userId, requestContext))
        return completion.finish(tx, challenge, { method, amr: ['recovery'], recovered: true }, requestContext)
      })
      if (result !== null) return result
      if (shouldNotify) await store.transaction((tx) => budget.notify(tx, userId, requestContext))
      return completion.refuse(challenge, spent, method, requestContext)
    },

    /** Steps up a live session. Recovery codes are not accepted. @throws IdentSphereError `conflict` if no factor is enabled */
    async verify(auth: Auth, code: string, requestContext: RequestContext): Promise<void> {
      // Check this first: an impersonator must not learn whether the code is correct.
      if (auth.impersonatorId !== null) throw new IdentSphereError('forbidden')
      if ((await findConfirmedFactor(store, auth.userId)) === undefined) throw notEnabled()
      const { shouldNotify } = await budget.spend(auth.userId, 'totp')
      const isCorrect = await store.transaction(async (tx) => {
        if (!(await useCode(tx, auth.userId, code))) return false
        await budget.succeed(tx, auth.userId)
        await stepUp.record(tx, auth, totpFactor, requestContext)
        return true
      })
      if (isCorrect) return
      await store.transaction(async (tx) => {
        await stepUp.refuse(tx, auth, 'totp', requestContext)
        if (shouldNotify) await budget.notify(tx, auth.userId, requestContext)
      })
      throw new IdentSphereError('invalid_credentials')
    },
  }
}

function alreadyEnabled(): IdentSphereError {
  return new IdentSphereError('conflict', { message: 'An authenticator app is already set up.' })
}

export type Totp = ReturnType<typeof createTotp>
