import type { Auth } from './auth.js'
import type { ErrorCode } from './errors.js'

/**
 * One rule that a signed-in user has to meet before a handler runs. A route lists its checks in order. Guards use the same
 * checks. Each check is a file of the feature that owns the rule.
 */
export interface Check {
  /** Name in the documentation, e.g. `recentAuth`. */
  readonly name: string
  /** Error codes that the check throws. They are added to the errors of the route. */
  readonly errors: readonly ErrorCode[]
  /**
   * Runs the check after the input was validated. For checks that consume a proof: invalid input must not consume it. Default
   * false.
   */
  readonly afterInput?: boolean
  /** Throws an `IdentSphereError` to deny. */
  assert(auth: Auth): void | Promise<void>
}
