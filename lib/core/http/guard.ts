import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Authenticate } from '../../features/sessions/authenticate.js'
import type { Auth } from '../auth.js'
import { requestContext } from '../context.js'
import { IdentSphereError } from '../errors.js'
import type { Responder } from './respond.js'
import type { Middleware } from './router.js'

/** What happens to a request that a guard denies. */
export type OnDenied =
  | 'json'
  | 'redirect'
  | ((error: IdentSphereError, request: IncomingMessage, response: ServerResponse) => void | Promise<void>)

export interface GuardOptions {
  /**
   * `json` (default): the error envelope. `redirect`: page loads without a session go to sign-in and come back; everything
   * else is `json`. A function answers itself; where it throws, the answer is 500.
   */
  onDenied?: OnDenied
}

/** What every guard is made from. */
export interface GuardParts {
  authenticate: Authenticate
  responder: Responder
  /** Called once identity is established, so that `identsphere.auth(req)` finds it. */
  remember(request: IncomingMessage, auth: Auth | null): void
  /** Where a page load without a session is sent. */
  signInLocation(returnTo: string): string
}

/** A guard that lets signed-in people pass, those whom its rule does not deny by throwing. */
export function createGuard(
  parts: GuardParts,
  rule: (auth: Auth) => void | Promise<void>,
  options?: GuardOptions,
): Middleware {
  return createOpenGuard(
    parts,
    (auth) => {
      if (auth === null) throw new IdentSphereError('authentication_required')
      return rule(auth)
    },
    options,
  )
}

/**
 * Establishes identity (once per request, whichever guard comes first), applies the rule and goes on, or answers. It never
 * calls `next()` with an error and never lets a request through because something failed.
 *
 * @param rule throws to deny
 */
export function createOpenGuard(
  parts: GuardParts,
  rule: (auth: Auth | null) => void | Promise<void>,
  options: GuardOptions = {},
): Middleware {
  const { onDenied = 'json' } = options
  assertKnownOptions(options)

  async function deny(error: unknown, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const context = requestContext(request)
    if (onDenied === 'redirect' && isPageLoad(request) && isMissingSession(error)) {
      const target = (request as { originalUrl?: string }).originalUrl ?? request.url ?? '/'
      parts.responder.send(response, { status: 303, location: parts.signInLocation(target) }, context)
      return
    }
    if (typeof onDenied !== 'function' || !(error instanceof IdentSphereError)) {
      parts.responder.fail(request, response, error, context)
      return
    }
    try {
      await onDenied(error, request, response)
    } catch (thrown) {
      parts.responder.fail(request, response, thrown, context)
    }
  }

  async function passes(request: IncomingMessage): Promise<void> {
    const auth = await parts.authenticate(request)
    await rule(auth)
    parts.remember(request, auth)
  }

  return (request, response, next) => {
    passes(request).then(
      () => next(),
      (error: unknown) => deny(error, request, response),
    )
  }
}

/** A misspelt option would leave a guard weaker than it reads, so it stops the start. */
function assertKnownOptions(options: object): void {
  const unknown = Object.keys(options).find((key) => key !== 'onDenied')
  if (unknown !== undefined) throw new TypeError(`a guard has no option ${unknown}`)
}

function isPageLoad(request: IncomingMessage): boolean {
  // Where a proxy asks for Basic credentials, `Authorization` decides and `resume` could not help: no redirect, no loop.
  if (request.headers.authorization !== undefined) return false
  return (request.method === 'GET' || request.method === 'HEAD') && /\btext\/html\b/.test(request.headers.accept ?? '')
}

function isMissingSession(error: unknown): boolean {
  return error instanceof IdentSphereError && error.code === 'authentication_required'
}
