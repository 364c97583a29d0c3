import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../core/config/clock.js'
import { requestContext } from '../core/http/request-context.js'
import type { Responder } from '../core/http/respond.js'
import type { Middleware } from '../core/http/router.js'
import { leewaySeconds } from '../features/tokens/rules/lifetime.js'
import type { Look, Seen } from './authenticate.js'
import { ChallengeError } from './challenge.js'
import type { TokenAuth } from './token-auth.js'

/** Options of `requireRecentAuth()`. */
export interface RecentAuthOptions {
  /** Seconds since the user proved who they are. Default 600. */
  maxAgeSeconds?: number
}

/** What every guard is made from. */
export interface ResourceGuardParts {
  look: Look
  responder: Responder
  clock: Clock
  /** Called once identity is established, so that `auth(req)` finds it. */
  remember(request: IncomingMessage, auth: TokenAuth | null): void
}

/** @param rule throws to deny, and returns who passes */
function createGuard(
  { look, responder, remember }: ResourceGuardParts,
  rule: (seen: Seen) => TokenAuth | null,
): Middleware {
  async function passes(request: IncomingMessage): Promise<void> {
    remember(request, rule(await look(request.headers.authorization ?? null)))
  }

  return (request: IncomingMessage, response: ServerResponse, next) => {
    passes(request).then(
      () => next(),
      (error: unknown) => responder.fail(request, response, error, requestContext(request)),
    )
  }
}

/** Any valid token. RFC 6750 section 3.1: where none was sent, the challenge carries no error. */
function presented(seen: Seen): TokenAuth {
  if (seen === 'none') throw new ChallengeError('authentication_required')
  if (seen === 'invalid') throw new ChallengeError('authentication_required', { error: 'invalid_token' })
  return seen
}

/** A token of the user's own session. What an OAuth client may do, only a scope says. */
function firstParty(seen: Seen): TokenAuth {
  const auth = presented(seen)
  if (auth.clientId !== null) throw new ChallengeError('forbidden', { error: 'insufficient_scope' })
  return auth
}

/** Lets people pass who are signed in themselves. */
export function requireAuth(parts: ResourceGuardParts): Middleware {
  return createGuard(parts, firstParty)
}

/** Lets everybody pass and says who they are. A token that would not pass `requireAuth` counts as none. */
export function optionalAuth(parts: ResourceGuardParts): Middleware {
  return createGuard(parts, (seen) => (typeof seen === 'object' && seen.clientId === null ? seen : null))
}

/** Lets tokens pass that have every one of these scopes, whoever they were issued to. */
export function requireScope(parts: ResourceGuardParts, scopes: readonly string[]): Middleware {
  // RFC 6749 section 3.3. A guard without scopes would be no rule at all.
  if (scopes.length === 0 || !scopes.every((scope) => /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(scope))) {
    throw new TypeError('requireScope: name at least one scope, each by itself')
  }
  return createGuard(parts, (seen) => {
    const auth = presented(seen)
    if (scopes.every((scope) => auth.scopes.includes(scope))) return auth
    throw new ChallengeError('forbidden', { error: 'insufficient_scope', scope: scopes.join(' ') })
  })
}

/** Lets people pass who proved who they are lately. The challenge is that of RFC 9470 section 3. */
export function requireRecentAuth(parts: ResourceGuardParts, options: RecentAuthOptions = {}): Middleware {
  const { maxAgeSeconds = 600, ...unknown } = options
  if (Object.keys(unknown).length > 0) throw new TypeError(`a guard has no option ${Object.keys(unknown)[0]}`)
  if (!Number.isSafeInteger(maxAgeSeconds) || maxAgeSeconds <= 0) {
    throw new RangeError('requireRecentAuth: maxAgeSeconds must be a whole number of seconds above 0')
  }
  return createGuard(parts, (seen) => {
    const auth = firstParty(seen)
    const age = (parts.clock.now() - auth.authTime.getTime()) / 1000
    if (age <= maxAgeSeconds && age >= -leewaySeconds) return auth
    throw new ChallengeError('reauthentication_required', {
      error: 'insufficient_user_authentication',
      max_age: String(maxAgeSeconds),
    })
  })
}
