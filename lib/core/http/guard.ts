import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Auth } from '../auth.js'
import type { Check } from '../checks.js'
import { IdentSphereError } from '../errors.js'
import type { Identity } from './identity.js'
import { longestReturnTarget } from './origin.js'
import { requestContext } from './request-context.js'
import type { Responder } from './respond.js'
import type { Middleware } from './router.js'

/** What happens to a request that a guard denies. */
export type OnDenied =
  | 'json'
  | 'redirect'
  | ((error: IdentSphereError, request: IncomingMessage, response: ServerResponse) => void | Promise<void>)

export interface GuardOptions {
  /**
   * `json` (default): the error envelope. `redirect`: page loads without a session go to sign-in and come back; everything else is
   * `json`. A function answers itself; if it throws, the answer is 500.
   */
  onDenied?: OnDenied
}

/** A guard as a feature declares it. The assembly makes middleware of it. */
export interface GuardDeclaration {
  /** In order. */
  readonly checks: readonly Check[]
  /** Lets a request without a session pass too. Default false. */
  readonly allowsAnonymous?: boolean
  readonly options?: GuardOptions | undefined
}

/** The declarations that a feature has to make for public guards. */
export type GuardsOf<Public> = {
  readonly [Name in keyof Public]: Public[Name] extends (...given: infer Given) => Middleware
    ? (...given: Given) => GuardDeclaration
    : never
}

/** Makes guards, and reads what they established. */
export interface Guards {
  middleware(declaration: GuardDeclaration): Middleware
  /** The user that the guard let pass. @throws Error if there was no guard, or nobody is signed in */
  auth(request: IncomingMessage): Auth
  /** The same, or null without a session. @throws Error if there was no guard */
  authOrNull(request: IncomingMessage): Auth | null
}

export function createGuards(deps: { identity: Identity; responder: Responder; mountPath: string }): Guards {
  const { identity } = deps

  /** Page loads without a session are sent there. */
  function signInLocation(returnTo: string): string {
    const resume = `${deps.mountPath}/v1/auth/resume`
    return returnTo.length > longestReturnTarget ? resume : `${resume}?${new URLSearchParams({ return_to: returnTo })}`
  }

  function authOrNull(request: IncomingMessage): Auth | null {
    const found = identity.recall(request)
    if (found === undefined) throw new Error('identsphere.authOrNull(req): no guard ran before this handler')
    return found
  }

  return {
    /**
     * Establishes identity (once per request, whichever guard comes first), runs the checks and goes on, or answers. It never calls
     * `next()` with an error, and never lets a request pass because something failed.
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
          deps.responder.send(response, { status: 303, location: signInLocation(target) }, context)
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
      const found = identity.recall(request)
      if (found === undefined || found === null) {
        throw new Error('identsphere.auth(req): no guard let a signed-in person through to this handler')
      }
      return found
    },
    authOrNull,
  }
}

/** A misspelled option would leave a guard weaker than it reads, so it stops the start. */
function assertKnownOptions(options: object): void {
  const unknown = Object.keys(options).find((key) => key !== 'onDenied')
  if (unknown !== undefined) throw new TypeError(`a guard has no option ${unknown}`)
}

function isPageLoad(request: IncomingMessage): boolean {
  // If a proxy asks for Basic credentials, `Authorization` decides and `resume` could not help: no redirect, no loop.
  if (request.headers.authorization !== undefined) return false
  return (request.method === 'GET' || request.method === 'HEAD') && /\btext\/html\b/.test(request.headers.accept ?? '')
}

function isMissingSession(error: unknown): boolean {
  return error instanceof IdentSphereError && error.code === 'authentication_required'
}

declare module 'node:http' {
  interface IncomingMessage {
    /** The user, as a guard of IdentSphere established it. `identsphere.auth(req)` reads the same. */
    identsphere?: Auth
  }
}
