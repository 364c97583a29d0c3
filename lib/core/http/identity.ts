import type { IncomingMessage } from 'node:http'
import type { Auth } from '../auth.js'

/** Authenticates requests. The feature `sessions` provides it. */
export interface Identity {
  /**
   * For guards of the host. Returns null without a session.
   *
   * @throws IdentSphereError if the session cannot be checked, if the CSRF token is missing, or if a requirement is not met
   */
  authenticate(request: IncomingMessage): Promise<Auth | null>
  /** For our own routes. Does the same, but does not check the requirements. */
  identify(request: IncomingMessage): Promise<Auth | null>
  /** Throws if the session does not meet a requirement, e.g. a second factor that its organization requires. */
  assertRequirements(auth: Auth): Promise<void>
  /** Stores the result of a guard with the request. */
  remember(request: IncomingMessage, auth: Auth | null): void
  /** The result of a guard: the user, null without a session, or undefined if no guard ran. */
  recall(request: IncomingMessage): Auth | null | undefined
}
