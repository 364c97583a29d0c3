import type { Auth } from './auth.js'
import type { ErrorCode } from './errors.js'

/**
 * One rule that a signed-in user has to meet before a handler runs. Routes list their checks in order, and guards are made from
 * the same values. A check lives with the feature that owns its rule.
 */
export interface Check {
  /** What it is called in documentation, e.g. `recentAuth`. */
  readonly name: string
  /** The errors that it throws. They join the errors of the route. */
  readonly errors: readonly ErrorCode[]
  /**
   * Runs after the input was validated, because it uses a proof up: bad input must not cost the proof. Default false.
   */
  readonly afterInput?: boolean
  /** Throws an `IdentSphereError` to deny. */
  assert(auth: Auth): void | Promise<void>
}
