import type { KeyRing } from '../../core/crypto/key-ring.js'
import { issueMacToken, readMacToken } from '../../core/crypto/mac-token.js'
import { uuidv7 } from '../../core/crypto/random.js'
import { IdentSphereError } from '../../core/errors.js'
import type { Store, Tx } from '../../core/store/store.js'
import { consumeChallenge, findChallenge, insertChallenge, spendTry, triesPerChallenge } from '../totp/repository.js'
import type { Challenge, Proven, SecondFactorMethod } from './service.js'

/** A sign-in that waits for its second factor. */
export interface MfaChallenge {
  id: string
  userId: string
  organizationId: string | null
  /** How the first factor was proven. */
  authMethod: string
  amr: readonly string[]
  /** The user's security version when the first factor was read. */
  securityVersion: number
}

/** Seconds. */
const lifetime = 300
/** What the key of second factors signs besides. */
const boundTo = ['challenge', 'sign_in']

const burntChallenge = () =>
  new IdentSphereError('rate_limited', { message: 'Too many wrong answers. Sign in again.', retryAfterSeconds: 1 })

/**
 * Challenges stand between a first factor and its session: single use, five tries, five minutes, and void once the user's
 * credentials change. `mfa_token` is `<key version>.<id>.<HMAC>`, so that a forged one costs no query.
 *
 * @see GHSA better-auth #9993: attempts that were counted after the comparison
 */
export function createMfaChallenges(options: { store: Store; keys: KeyRing }) {
  const { store, keys } = options

  return {
    /** Begins a challenge for somebody whose first factor was proven. */
    async begin(
      tx: Tx,
      proven: Proven & { organizationId: string | null },
      methods: readonly SecondFactorMethod[],
    ): Promise<Challenge> {
      const id = uuidv7()
      await insertChallenge(tx, {
        id,
        userId: proven.userId,
        organizationId: proven.organizationId,
        authMethod: proven.authMethod,
        amr: proven.amr,
        securityVersion: proven.securityVersion,
        ipAddress: proven.context.ipAddress,
        userAgent: proven.context.userAgent,
        lifetimeSeconds: lifetime,
      })
      return { mfa_token: issueMacToken(keys, 'mfa', boundTo, [id]), mfa_token_expires_in: lifetime, methods }
    },

    /**
     * The open challenge behind a token. Counts nothing.
     *
     * @throws IdentSphereError `invalid_credentials`, `rate_limited` where its tries are used up, whatever would answer it now
     */
    async find(token: string): Promise<MfaChallenge> {
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
     * @returns whether it was the last one @throws IdentSphereError `rate_limited` where none is left
     */
    async spendTry(challenge: Pick<MfaChallenge, 'id'>): Promise<{ isLast: boolean }> {
      const spent = await spendTry(store, challenge.id)
      if (spent === undefined) throw burntChallenge()
      return { isLast: spent === triesPerChallenge }
    },

    /** Uses a challenge up. @throws IdentSphereError `invalid_credentials` where somebody was faster */
    async consume(tx: Tx, challenge: Pick<MfaChallenge, 'id'>): Promise<void> {
      if (!(await consumeChallenge(tx, challenge.id))) throw new IdentSphereError('invalid_credentials')
    },

    /** What a miss is answered with. */
    missed: ({ isLast }: { isLast: boolean }): IdentSphereError =>
      isLast ? burntChallenge() : new IdentSphereError('invalid_credentials'),
  }
}

export type MfaChallenges = ReturnType<typeof createMfaChallenges>
