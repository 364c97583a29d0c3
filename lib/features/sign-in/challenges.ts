import type { KeyRing } from '../../core/crypto/key-ring.js'
import { issueMacToken, readMacToken } from '../../core/crypto/mac-token.js'
import { uuidv7 } from '../../core/crypto/random.js'
import { IdentSphereError } from '../../core/errors.js'
import type { Store, Tx } from '../../core/store/store.js'
import type { SecondFactorMethod } from './extension-points.js'
import type { FirstFactor } from './first-factor.js'
import { consumeChallenge, findChallenge, insertChallenge, spendTry, triesPerChallenge } from './repository.js'

/** A sign-in that waits for its second factor. */
export interface LoginChallenge {
  id: string
  userId: string
  organizationId: string | null
  /** Method of the first factor. */
  authMethod: string
  amr: readonly string[]
  /** The user's security version when the first factor was checked. */
  securityVersion: number
}

/** A new challenge for the client. */
export interface OpenedChallenge {
  mfa_token: string
  mfa_token_expires_in: number
  methods: readonly string[]
}

const challengeSeconds = 300
/** Separates these tokens from other uses of the same key. */
const boundTo = ['challenge', 'sign_in']

const noTriesLeft = () =>
  new IdentSphereError('rate_limited', { message: 'Too many wrong codes. Sign in again.', retryAfterSeconds: 1 })

/**
 * Challenges for the second factor of a sign-in: single use, five tries, valid for five minutes. A change of the user's credentials
 * makes them void. `mfa_token` is `<key version>.<id>.<HMAC>`, so that a forged token causes no query.
 *
 * @see GHSA better-auth #9993: attempts were counted after the comparison
 */
export function createLoginChallenges({ store, keys }: { store: Store; keys: KeyRing }) {
  return {
    /**
     * Creates a challenge after the first factor.
     *
     * @throws IdentSphereError `invalid_credentials` if the account has changed since the proof
     */
    async begin(
      tx: Tx,
      firstFactor: FirstFactor & { organizationId: string | null },
      methods: readonly SecondFactorMethod[],
    ): Promise<OpenedChallenge> {
      const id = uuidv7()
      const isBegun = await insertChallenge(tx, {
        id,
        userId: firstFactor.userId,
        organizationId: firstFactor.organizationId,
        authMethod: firstFactor.authMethod,
        amr: firstFactor.amr,
        securityVersion: firstFactor.securityVersion,
        ipAddress: firstFactor.context.ipAddress,
        userAgent: firstFactor.context.userAgent,
        lifetimeSeconds: challengeSeconds,
      })
      if (!isBegun) throw new IdentSphereError('invalid_credentials')
      return {
        mfa_token: issueMacToken(keys, 'mfa', boundTo, [id]),
        mfa_token_expires_in: challengeSeconds,
        methods,
      }
    },

    /**
     * Returns the open challenge of a token. It does not spend a try.
     *
     * @throws IdentSphereError `invalid_credentials`, `rate_limited` if no try is left
     */
    async find(token: string): Promise<LoginChallenge> {
      const [id] = readMacToken(keys, 'mfa', boundTo, token) ?? []
      const row = id === undefined ? undefined : await findChallenge(store, id)
      if (row === undefined) throw new IdentSphereError('invalid_credentials')
      if (row.attempts >= triesPerChallenge) throw noTriesLeft()
      return {
        id: row.id,
        userId: row.user_id,
        organizationId: row.organization_id,
        authMethod: row.auth_method,
        amr: row.amr,
        securityVersion: row.security_version,
      }
    },

    /**
     * Spends one of five tries in one statement, before the answer is compared. So parallel requests get no more tries.
     *
     * @returns whether it was the last try
     * @throws IdentSphereError `rate_limited` if no try is left
     */
    async spendTry(challenge: Pick<LoginChallenge, 'id'>): Promise<{ isLast: boolean }> {
      const spent = await spendTry(store, challenge.id)
      if (spent === undefined) throw noTriesLeft()
      return { isLast: spent === triesPerChallenge }
    },

    /** Consumes a challenge. @throws IdentSphereError `invalid_credentials` if another request has consumed it */
    async consume(tx: Tx, challenge: Pick<LoginChallenge, 'id'>): Promise<void> {
      if (!(await consumeChallenge(tx, challenge.id))) throw new IdentSphereError('invalid_credentials')
    },

    /** The error for a wrong answer. */
    wrongAnswer: ({ isLast }: { isLast: boolean }): IdentSphereError =>
      isLast ? noTriesLeft() : new IdentSphereError('invalid_credentials'),
  }
}

export type LoginChallenges = ReturnType<typeof createLoginChallenges>
