import type { Clock } from '../../core/config/clock.js'
import { createFailureFloor } from './failure-floor.js'
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

/** What {@link createPasswordHasher} needs. */
export interface PasswordHasherOptions {
  /** Everything that hashes goes through it. */
  queue: HashingQueue
  /** Cost of new hashes; OWASP's minimum of 19456 KiB, 2 passes and 1 lane for whatever is absent. */
  argon2?: Partial<Argon2Parameters>
  /** See {@link createFailureFloor}; 1000 when absent. */
  failureFloorMilliseconds?: number
}

/** The outcome of one verification. */
export interface PasswordVerification {
  matches: boolean
  /** True only with `matches`: store `hash(password)` in place of what was verified. */
  needsRehash: boolean
}

/** Hashes passwords and compares them with stored hashes. Passwords are expected in NFC, as the policy makes them. */
export interface PasswordHasher {
  /**
   * An Argon2id PHC string of the password, with a new salt.
   *
   * @param network - what {@link clientNetwork} answered.
   * @throws IdentSphereError `service_unavailable` when the queue is full.
   */
  hash(password: string, network: string): Promise<string>
  /**
   * Compares a password with a stored hash: Argon2id, or Argon2i, Argon2d or bcrypt from an import. Null, and every
   * value that cannot be read, costs one Argon2id and does not match.
   *
   * @param stored - null where there is no account or it has no password, so that both take the same work.
   * @param network - what {@link clientNetwork} answered.
   * @throws IdentSphereError `service_unavailable` when the queue is full; never because of what is stored.
   */
  verify(stored: string | null, password: string, network: string): Promise<PasswordVerification>
  /** Whether {@link verify} can read a stored hash: whether an import may bring it. */
  canVerify(stored: string): boolean
  /** Holds a failure back to the next whole floor since `startedAtMilliseconds`; see {@link createFailureFloor}. */
  releaseFailure(clock: Clock, startedAtMilliseconds: number): Promise<void>
}

/** No scheme's hash with accepted parameters is longer. */
const maxStoredLength = 512

/**
 * Makes the password hasher. Hashes nothing itself when made.
 *
 * @throws ConfigurationError when a parameter is below OWASP's minimum or above what is read back.
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
  const { queue, failureFloorMilliseconds = 1000 } = options
  const parameters = { ...argon2Minimum, ...options.argon2 }
  checkArgon2Parameters(parameters)

  function read(stored: string | null) {
    if (stored === null || stored.length > maxStoredLength) return null
    return readArgon2(stored, parameters) ?? readBcrypt(stored)
  }

  return {
    hash: (password, network) => queue.run(network, () => hashArgon2id(password, parameters)),

    verify(stored, password, network) {
      const known = read(stored)
      return queue.run(network, async () => {
        if (known === null) {
          await spendArgon2id(password, parameters)
          return { matches: false, needsRehash: false }
        }
        const matches = await known.matches(password)
        return { matches, needsRehash: matches && known.isWeak }
      })
    },

    canVerify: (stored) => read(stored) !== null,

    releaseFailure: createFailureFloor(failureFloorMilliseconds),
  }
}
