import type { Clock } from '../../core/config/clock.js'
import { createFailureDelay } from './failure-delay.js'
import type { HashingQueue } from './hashing-queue.js'
import {
  type Argon2Parameters,
  argon2Minimum,
  checkArgon2Parameters,
  hashArgon2id,
  readArgon2,
  spendArgon2id,
} from './schemes/argon2id.js'
import { readBcrypt } from './schemes/bcrypt.js'

export interface PasswordHasherOptions {
  /** All hashing and verification runs in it. */
  queue: HashingQueue
  /** Cost of new hashes. Default: OWASP's minimum of 19456 KiB, 2 passes and parallelism 1. */
  argon2?: Partial<Argon2Parameters>
  /** See {@link createFailureDelay}. Default 1000. */
  failureStepMs?: number
}

export interface PasswordVerification {
  matches: boolean
  /** True only if `matches` is true: replace the stored hash with `hash(password)`. */
  needsRehash: boolean
}

/** Hashes passwords and compares them with stored hashes. Passwords must be normalized by the policy. */
export interface PasswordHasher {
  /**
   * @param network result of {@link clientNetwork}
   * @returns an Argon2id PHC string with a new salt
   * @throws IdentSphereError `service_unavailable` if the queue is full
   */
  hash(password: string, network: string): Promise<string>
  /**
   * Compares a password with a stored hash: Argon2id, or an imported Argon2i, Argon2d or bcrypt. Null and unreadable values
   * take the work of one Argon2id and do not match.
   *
   * @param stored null if there is no account, or if it has no password
   * @param network result of {@link clientNetwork}
   * @throws IdentSphereError `service_unavailable` if the queue is full, never because of the stored value
   */
  verify(stored: string | null, password: string, network: string): Promise<PasswordVerification>
  /** Whether {@link verify} supports a stored hash, for imports. */
  canVerify(stored: string): boolean
  /** Delays a failure. See {@link createFailureDelay}. */
  releaseFailure(clock: Clock, startedAtMs: number): Promise<void>
}

/** Hashes of all schemes with accepted parameters are shorter. */
const maxStoredCharacters = 512

/**
 * @throws ConfigurationError if a parameter is below OWASP's minimum or above the supported maximum
 *
 * @example
 * ```ts
 * const hasher = createPasswordHasher({ queue: createHashingQueue() })
 * const stored = await hasher.hash('correct horse battery staple', network)
 * const { matches } = await hasher.verify(stored, 'correct horse battery staple', network)
 * ```
 *
 * @see https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html
 */
export function createPasswordHasher(options: PasswordHasherOptions): PasswordHasher {
  const { queue, failureStepMs = 1000 } = options
  const parameters = { ...argon2Minimum, ...options.argon2 }
  checkArgon2Parameters(parameters)

  function read(stored: string | null) {
    if (stored === null || stored.length > maxStoredCharacters) return null
    return readArgon2(stored, parameters) ?? readBcrypt(stored)
  }

  return {
    hash: (password, network) => queue.run(network, () => hashArgon2id(password, parameters)),

    verify(stored, password, network) {
      const readable = read(stored)
      return queue.run(network, async () => {
        if (readable === null) {
          await spendArgon2id(password, parameters)
          return { matches: false, needsRehash: false }
        }
        const matches = await readable.matches(password)
        return { matches, needsRehash: matches && readable.isWeak }
      })
    },

    canVerify: (stored) => read(stored) !== null,

    releaseFailure: createFailureDelay(failureStepMs),
  }
}
