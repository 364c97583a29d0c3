import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Auth } from '../auth.js'
import type { Check } from '../checks.js'
import { IdentSphereError } from '../errors.js'
import type { Identity } from './identity.js'
import { maxReturnTargetCharacters } from './origin.js'
import { requestContext } from './request-context.js'
import type { Responder } from './respond.js'
import type { Middleware } from './router.js'

/** How a guard answers a request that it denies. See {@link GuardOptions}. */
export type OnDenied =
  | 'json'
  | 'redirect'
  | ((error: IdentSphereError, request: IncomingMessage, response: ServerResponse) => void | Promise<void>)

export interface GuardOptions {
  /**
   * `json` (default): answers the error as JSON. `redirect`: sends page loads without a session to the sign-in page, and back
   * after the sign-in. Other requests get JSON. A function writes the answer itself. If it throws, the answer is 500.
   */
  onDenied?: OnDenied
}

/** A guard as a feature declares it. `assemble()` makes middleware from it. */
export interface GuardDeclaration {
  /** They run in this order. */
  readonly checks: readonly Check[]
  /** Also allows requests without a session. Default false. */
  readonly allowsAnonymous?: boolean
  readonly options?: GuardOptions | undefined
}

/** Types of the declarations that a feature makes for its public guards. */
export type GuardsOf<Public> = {
  readonly [Name in keyof Public]: Public[Name] extends (...given: infer Given) => Middleware
    ? (...given: Given) => GuardDeclaration
    : never
}

/** Creates guards and reads the user that they have authenticated. */
export interface Guards {
  middleware(declaration: GuardDeclaration): Middleware
  /** The signed-in user. @throws Error if no guard ran before, or if no user is signed in */
  auth(request: IncomingMessage): Auth
  /** The same, or null without a session. @throws Error if no guard ran before */
  authOrNull(request: IncomingMessage): Auth | null
}

export function createGuards(deps: { identity: Identity; responder: Responder; mountPath: string }): Guards {
  const { identity } = deps

  /** The route first tries to refresh the session, and then redirects to the sign-in page. */
  function resumeLocation(returnTo: string): string {
    const resume = `${deps.mountPath}/v1/auth/resume`
    if (returnTo.length > maxReturnTargetCharacters) return resume
    return `${resume}?${new URLSearchParams({ return_to: returnTo })}`
  }

  function authOrNull(request: IncomingMessage): Auth | null {
    const auth = identity.recall(request)
    if (auth === undefined) throw new Error('identsphere.authOrNull(req): no guard ran before this handler')
    return auth
  }

  return {
    /**
     * Authenticates the request once, runs the checks, and calls `next()` or answers. It never calls `next()` with an error. If
     * anything fails, the request is denied.
     */
    middleware({ checks, allowsAnonymous = false, options = {} }) {
      const { onDenied = 'json' } = options
      assertKnownOptions(options)

      async function passes(request: IncomingMessage): Promise<void> {
        const auth = await identity.authenticate(request)
        if (auth === null && !allowsAnonymous) throw new IdentSphereError('authentication_required')
        if (auth !== null) {
          for (const check of checks) {
            const pending = check.assert(auth)
            if (pending !== undefined) await pending
          }
          request.identsphere = auth
        }
        identity.remember(request, auth)
      }

      async function deny(error: unknown, request: IncomingMessage, response: ServerResponse): Promise<void> {
        const context = requestContext(request)
        if (onDenied === 'redirect' && isPageLoad(request) && isMissingSession(error)) {
          const target = (request as { originalUrl?: string }).originalUrl ?? request.url ?? '/'
          deps.responder.send(response, { status: 303, location: resumeLocation(target) }, context)
          return
        }
        if (typeof onDenied !== 'function' || !(error instanceof IdentSphereError)) {
          deps.responder.fail(request, response, error, context)
          return
        }
        try {
          await onDenied(error, request, response)
        } catch (thrown) {
          deps.responder.fail(request, response, thrown, context)
        }
      }

      return (request, response, next) => {
        passes(request).then(
          () => next(),
          (error: unknown) => deny(error, request, response),
        )
      }
    },
    auth(request) {
      const auth = identity.recall(request)
      if (auth === undefined || auth === null) {
        throw new Error('identsphere.auth(req): no guard found a signed-in user for this handler')
      }
      return auth
    },
    authOrNull,
  }
}

/** A guard with a misspelled option would be weaker than it looks. So unknown options throw at construction. */
function assertKnownOptions(options: object): void {
  const unknown = Object.keys(options).find((key) => key !== 'onDenied')
  if (unknown !== undefined) throw new TypeError(`a guard has no option ${unknown}`)
}

function isPageLoad(request: IncomingMessage): boolean {
  // With an `Authorization` header, e.g. of a proxy with Basic authentication, `resume` finds no session and would loop.
  if (request.headers.authorization !== undefined) return false
  return (request.method === 'GET' || request.method === 'HEAD') && /\btext\/html\b/.test(request.headers.accept ?? '')
}

function isMissingSession(error: unknown): boolean {
  return error instanceof IdentSphereError && error.code === 'authentication_required'
}

declare module 'node:http' {
  interface IncomingMessage {
    /** The user that a guard of IdentSphere has authenticated. `identsphere.auth(req)` returns the same. */
    identsphere?: Auth
  }
}
