import type { IncomingMessage, ServerResponse } from 'node:http'
import type { z } from 'zod'
import type { Auth } from '../auth.js'
import type { Check } from '../checks.js'
import { IdentSphereError } from '../errors.js'
import { readBody } from './body.js'
import type { CookieJar } from './cookies.js'
import { type Cors, preflightMethod } from './cors.js'
import { csrfTokenOf } from './csrf.js'
import type { Identity } from './identity.js'
import { createMatcher, type Match } from './match.js'
import { mountOf } from './mount.js'
import { type ForeignOrigin, isForeignRequest, isUnsafe } from './origin.js'
import { bearerToken, header, requestContext } from './request-context.js'
import type { Responder } from './respond.js'
import type { Route, RouteInput } from './route.js'
import { readQuery, validate } from './validate.js'

/** Middleware of Connect. Express 4 and 5 accept it too. */
export type Middleware = (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void

/** Services that the router uses for every route. */
export interface RouterContext {
  readonly cookies: CookieJar
  readonly responder: Responder
  readonly cors: Cors
  readonly isOwnOrigin: (origin: string) => boolean
  readonly foreignOrigin: ForeignOrigin
  readonly identity: Identity
  /** Resolves if the database can answer. Rejects with `service_unavailable`. */
  ready(): Promise<void>
  /** Warns if the router is not mounted at the path of `publicBaseUrl`. */
  checkMount(request: IncomingMessage): void
}

/**
 * A router for these routes. All other requests go to `next()` unchanged, also OPTIONS requests that are not a preflight for one
 * of these routes.
 */
export function createRouter(routes: readonly Route[], router: RouterContext): Middleware {
  const match = createMatcher(routes)
  return (request, response, next) => {
    const isPreflight = request.method === 'OPTIONS'
    const method = isPreflight ? preflightMethod(request) : request.method
    const found = match(method ?? '', request.url ?? '')
    // Express 4 also removes the second slash of `/mount//v1/…`. A host's own rule for the path would not match that spelling.
    if (found === null || mountOf(request).endsWith('/')) next()
    else if (isPreflight) answerPreflight(found.route, router, request, response)
    else void serve(found, router, request, response)
  }
}

function answerPreflight(
  declared: Route,
  router: RouterContext,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  try {
    router.cors.answerPreflight(request, response, declared.cors)
  } catch (error) {
    router.responder.fail(request, response, error, requestContext(request))
  }
}

async function serve(
  { route: declared, params }: Match,
  router: RouterContext,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const context = requestContext(request)
  try {
    router.cors.mark(request, response, declared.cors)
    router.checkMount(request)
    if (declared.needsDatabase !== false) await router.ready()
    const input: RouteInput<z.ZodType, z.ZodType, z.ZodType> = declared.input ?? {}
    const auth = await identify(declared, router, request)
    await runChecks(declared, auth, (check) => check.afterInput !== true)
    const body = isUnsafe(declared.method) ? await readBody(request, response) : undefined
    const given = {
      body: input.body === undefined ? undefined : validate(input.body, body),
      params: input.params === undefined ? undefined : validate(input.params, decoded(params)),
      query: input.query === undefined ? undefined : validate(input.query, readQuery(request)),
    }
    await runChecks(declared, auth, (check) => check.afterInput === true)
    const reply = await declared.handle({
      ...given,
      auth,
      context,
      cookie: (name) => router.cookies.read(request.headers.cookie, name),
      conflictingCookies: router.cookies.conflicting(request.headers.cookie),
      bearer: bearerToken(request.headers.authorization ?? null),
      csrfToken: csrfTokenOf(request),
    })
    router.responder.send(response, reply, context, declared.cacheControl)
  } catch (error) {
    router.responder.fail(request, response, error, context)
  }
}

/** Checks the origin of unsafe requests, also for routes without a session. Then it authenticates, if the route needs it. */
async function identify(declared: Route, router: RouterContext, request: IncomingMessage): Promise<Auth | null> {
  // Another site cannot set `Authorization` to a bearer token. Routes without a session ignore the header, so there it proves
  // nothing: browsers also send Basic credentials by themselves.
  const byHeader = declared.auth === 'session' && request.headers.authorization !== undefined
  if (isUnsafe(declared.method) && !byHeader) {
    const origin = request.headers.origin
    const secFetchSite = header(request, 'sec-fetch-site') ?? undefined
    if (isForeignRequest({ origin, secFetchSite }, router.isOwnOrigin)) throw router.foreignOrigin(origin)
  }
  if (declared.auth === 'none') return null
  const auth = await router.identity.identify(request)
  if (auth === null && declared.auth === 'optional') return null
  if (auth === null) throw new IdentSphereError('authentication_required')
  if (declared.skipsRequirements !== true) await router.identity.assertRequirements(auth)
  return auth
}

async function runChecks(declared: Route, auth: Auth | null, isSelected: (check: Check) => boolean): Promise<void> {
  if (auth === null) return
  for (const check of declared.checks ?? []) if (isSelected(check)) await check.assert(auth)
}

/** @throws IdentSphereError `invalid_input` if a parameter cannot be decoded, e.g. `%E0%A4%A` */
function decoded(params: Match['params']): Record<string, string> {
  try {
    return Object.fromEntries(Object.entries(params).map(([name, value]) => [name, decodeURIComponent(value)]))
  } catch (cause) {
    throw new IdentSphereError('invalid_input', { cause })
  }
}
