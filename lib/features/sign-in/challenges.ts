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
  /** How the first factor was proven. */
  authMethod: string
  amr: readonly string[]
  /** The user's security version when the first factor was read. */
  securityVersion: number
}

/** A challenge as the client gets it. */
export interface OpenedChallenge {
  mfa_token: string
  mfa_token_expires_in: number
  methods: readonly string[]
}

const challengeSeconds = 300
/** The other uses of the same key bind to other words. */
const boundTo = ['challenge', 'sign_in']

const burntChallenge = () =>
  new IdentSphereError('rate_limited', { message: 'Too many wrong answers. Sign in again.', retryAfterSeconds: 1 })

/**
 * Challenges between a first factor and its session: single use, five tries, five minutes, and void once the user's credentials change.
 * `mfa_token` is `<key version>.<id>.<HMAC>`, so that a forged one costs no query.
 *
 * @see GHSA better-auth #9993: attempts that were counted after the comparison
 */
export function createLoginChallenges({ store, keys }: { store: Store; keys: KeyRing }) {
  return {
    /** Begins a challenge for a user whose first factor was proven. */
    async begin(
      tx: Tx,
      firstFactor: FirstFactor & { organizationId: string | null },
      methods: readonly SecondFactorMethod[],
    ): Promise<OpenedChallenge> {
      const id = uuidv7()
      await insertChallenge(tx, {
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
      return {
        mfa_token: issueMacToken(keys, 'mfa', boundTo, [id]),
        mfa_token_expires_in: challengeSeconds,
        methods,
      }
    },

    /**
     * The open challenge of a token. Counts nothing.
     *
     * @throws IdentSphereError `invalid_credentials`, `rate_limited` if its tries are used up
     */
    async find(token: string): Promise<LoginChallenge> {
      const [id] = readMacToken(keys, 'mfa', boundTo, token) ?? []
      const row = id === undefined ? undefined : await findChallenge(store, id)
      if (row === undefined) throw new IdentSphereError('invalid_credentials')
      if (row.attempts >= triesPerChallenge) throw burntChallenge()
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
     * Spends one of five tries, in one statement and before anything is compared: parallel ones get no more.
     *
     * @returns whether it was the last one @throws IdentSphereError `rate_limited` if none is left
     */
    async spendTry(challenge: Pick<LoginChallenge, 'id'>): Promise<{ isLast: boolean }> {
      const spent = await spendTry(store, challenge.id)
      if (spent === undefined) throw burntChallenge()
      return { isLast: spent === triesPerChallenge }
    },

    /** Uses a challenge up. @throws IdentSphereError `invalid_credentials` if another request was faster */
    async consume(tx: Tx, challenge: Pick<LoginChallenge, 'id'>): Promise<void> {
      if (!(await consumeChallenge(tx, challenge.id))) throw new IdentSphereError('invalid_credentials')
    },

    /** The error of a wrong answer. */
    missed: ({ isLast }: { isLast: boolean }): IdentSphereError =>
      isLast ? burntChallenge() : new IdentSphereError('invalid_credentials'),
  }
}

export type LoginChallenges = ReturnType<typeof createLoginChallenges>
