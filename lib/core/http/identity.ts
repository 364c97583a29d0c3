import type { IncomingMessage } from 'node:http'
import type { Auth } from '../auth.js'

/** Says who is asking. The feature that keeps sessions gives it. */
export interface Identity {
  /**
   * For guards of the host: the user, if the session meets every requirement, or null.
   *
   * @throws IdentSphereError if it cannot know, if CSRF proof is missing, or if a requirement is not met
   */
  authenticate(request: IncomingMessage): Promise<Auth | null>
  /** For our own routes: the same, without the requirements. */
  identify(request: IncomingMessage): Promise<Auth | null>
  /** Throws if the session does not meet every requirement, e.g. a second factor that its organization asks for. */
  assertRequirements(auth: Auth): Promise<void>
  /** Keeps with the request that a guard let it pass, and for whom. */
  remember(request: IncomingMessage, auth: Auth | null): void
  /** The user that a guard let pass; null without a session, undefined if no guard ran. */
  recall(request: IncomingMessage): Auth | null | undefined
}
