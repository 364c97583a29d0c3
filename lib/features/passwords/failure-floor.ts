import type { Clock } from '../../core/config/clock.js'
import { ConfigurationError } from '../../core/config/configuration-error.js'

/**
 * Makes the function that holds a failed sign-in back until a whole number of floors has passed since it began. How
 * long the verification took, and so which scheme the account's hash has or whether there is an account, no longer
 * shows, as long as the floor is above the slowest scheme in use.
 *
 * @param floorMilliseconds - bcrypt of cost 12 takes about 300 ms, and twice that on a busy node, so 1000 is a good floor;
 * imports of cost 13 or 14 need 2000 or 4000.
 * @throws ConfigurationError when it is not an integer from 1 to 10000.
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
export function createFailureFloor(
  floorMilliseconds: number,
): (clock: Clock, startedAtMilliseconds: number) => Promise<void> {
  if (!Number.isInteger(floorMilliseconds) || floorMilliseconds < 1 || floorMilliseconds > 10_000) {
    throw new ConfigurationError(
      'passwords.failureFloorMilliseconds',
      'is not an integer from 1 to 10000',
      'Leave it out for 1000.',
    )
  }
  return async (clock, startedAtMilliseconds) => {
    // A clock that was set back counts as no time, and no time at all is still held for one floor.
    const elapsed = Math.max(0, clock.now() - startedAtMilliseconds)
    const floors = Math.max(1, Math.ceil(elapsed / floorMilliseconds))
    const missing = floors * floorMilliseconds - elapsed
    if (missing > 0) await clock.wait(missing)
  }
}
