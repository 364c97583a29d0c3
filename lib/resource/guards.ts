import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../core/config/clock.js'
import { requestContext } from '../core/http/request-context.js'
import type { Responder } from '../core/http/respond.js'
import type { Middleware } from '../core/http/router.js'
import { leewaySeconds } from '../features/tokens/rules/lifetime.js'
import type { BearerResult, ReadBearer } from './authenticate.js'
import { ChallengeError } from './challenge.js'
import type { TokenAuth } from './token-auth.js'

export interface RecentAuthOptions {
  /** Maximum age of the authentication in seconds. Default 600. */
  maxAgeSeconds?: number
}

/** Dependencies of the guards. */
export interface ResourceGuardDeps {
  readBearer: ReadBearer
  responder: Responder
  clock: Clock
  /** Stores the result of the guard for `auth(req)`. */
  remember(request: IncomingMessage, auth: TokenAuth | null): void
}

/** @param rule returns the caller, or throws to deny */
function createGuard(
  { readBearer, responder, remember }: ResourceGuardDeps,
  rule: (result: BearerResult) => TokenAuth | null,
): Middleware {
  async function passes(request: IncomingMessage): Promise<void> {
    remember(request, rule(await readBearer(request.headers.authorization ?? null)))
  }

  return (request: IncomingMessage, response: ServerResponse, next) => {
    passes(request).then(
      () => next(),
      (error: unknown) => responder.fail(request, response, error, requestContext(request)),
    )
  }
}

/** Requires a valid token. RFC 6750 section 3.1: without a token, the challenge has no error code. */
function assertToken(result: BearerResult): TokenAuth {
  if (result === 'none') throw new ChallengeError('authentication_required')
  if (result === 'invalid') throw new ChallengeError('authentication_required', { error: 'invalid_token' })
  return result
}

/** Requires a token of the user's own session. OAuth clients need `requireScope`. */
function assertFirstParty(result: BearerResult): TokenAuth {
  const auth = assertToken(result)
  if (auth.clientId !== null) throw new ChallengeError('forbidden', { error: 'insufficient_scope' })
  return auth
}

/** Requires a token of the user's own session. */
export function requireAuth(deps: ResourceGuardDeps): Middleware {
  return createGuard(deps, assertFirstParty)
}

/** Allows every request. A token that `requireAuth` would deny counts as no token. */
export function optionalAuth(deps: ResourceGuardDeps): Middleware {
  return createGuard(deps, (result) => (typeof result === 'object' && result.clientId === null ? result : null))
}

/** Requires a token with all of these scopes, also of OAuth clients. */
export function requireScope(deps: ResourceGuardDeps, scopes: readonly string[]): Middleware {
  // RFC 6749 section 3.3. A guard without scopes would allow every token.
  if (scopes.length === 0 || !scopes.every((scope) => /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(scope))) {
    throw new TypeError('requireScope: pass at least one scope, each as its own argument')
  }
  return createGuard(deps, (result) => {
    const auth = assertToken(result)
    if (scopes.every((scope) => auth.scopes.includes(scope))) return auth
    throw new ChallengeError('forbidden', { error: 'insufficient_scope', scope: scopes.join(' ') })
  })
}

/** Requires recent authentication. The challenge follows RFC 9470 section 3. */
export function requireRecentAuth(deps: ResourceGuardDeps, options: RecentAuthOptions = {}): Middleware {
  const { maxAgeSeconds = 600, ...unknown } = options
  if (Object.keys(unknown).length > 0) throw new TypeError(`a guard has no option ${Object.keys(unknown)[0]}`)
  if (!Number.isSafeInteger(maxAgeSeconds) || maxAgeSeconds <= 0) {
    throw new RangeError('requireRecentAuth: maxAgeSeconds must be a whole number above 0')
  }
  return createGuard(deps, (result) => {
    const auth = assertFirstParty(result)
    const ageSeconds = (deps.clock.now() - auth.authTime.getTime()) / 1000
    if (ageSeconds <= maxAgeSeconds && ageSeconds >= -leewaySeconds) return auth
    throw new ChallengeError('reauthentication_required', {
      error: 'insufficient_user_authentication',
      max_age: String(maxAgeSeconds),
    })
  })
}
