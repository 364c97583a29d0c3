import type { Clock } from '../../core/config/clock.js'
import { ConfigurationError } from '../../core/config/configuration-error.js'

/**
 * Makes a function that delays a failed sign-in until a multiple of `stepMs` after its start. So the duration does not reveal
 * whether the account exists or which scheme its hash has. The step must be longer than the slowest scheme in use.
 *
 * @param stepMs bcrypt with cost 12 takes about 300 ms, and twice that on a busy node, so 1000 is a good value. Imported hashes
 * with cost 13 or 14 need 2000 or 4000.
 * @throws ConfigurationError if it is not an integer from 1 to 10000
 *
 * @example
 * ```ts
 * const startedAt = clock.now()
 * const { matches } = await hasher.verify(stored, password, network)
 * if (!matches) await releaseFailure(clock, startedAt)
 * ```
 *
 * @see https://cheatsheetseries.owasp.org/cheatsheets/Authentication_Cheat_Sheet.html
 */
export function createFailureDelay(stepMs: number): (clock: Clock, startedAtMs: number) => Promise<void> {
  if (!Number.isInteger(stepMs) || stepMs < 1 || stepMs > 10_000) {
    throw new ConfigurationError(
      'passwords.failureStepMs',
      'is not an integer from 1 to 10000',
      'Leave it out for 1000.',
    )
  }
  return async (clock, startedAtMs) => {
    // If the clock was set back, the elapsed time counts as 0.
    const elapsedMs = Math.max(0, clock.now() - startedAtMs)
    const steps = Math.max(1, Math.ceil(elapsedMs / stepMs))
    const remainingMs = steps * stepMs - elapsedMs
    if (remainingMs > 0) await clock.wait(remainingMs)
  }
}
