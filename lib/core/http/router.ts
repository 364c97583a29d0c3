import type { IncomingMessage, ServerResponse } from 'node:http'
import type { z } from 'zod'
import type { Auth } from '../auth.js'
import { bearerToken, header, requestContext } from '../context.js'
import { IdentSphereError } from '../errors.js'
import { readBody } from './body.js'
import type { CookieJar } from './cookies.js'
import { type Cors, preflightMethod } from './cors.js'
import { createMatcher, type Match } from './match.js'
import { mountOf } from './mount.js'
import { type ForeignOrigin, isForeignRequest, isUnsafe } from './origin.js'
import type { Responder } from './respond.js'
import type { FactorChange, Route, RouteInput } from './route.js'
import { readQuery, validate } from './validate.js'

/** Middleware as Connect defines it; Express 4 and 5 accept it too. */
export type Middleware = (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void

/** What every route needs, handed in once. */
export interface Plumbing {
  readonly cookies: CookieJar
  readonly responder: Responder
  readonly cors: Cors
  readonly isOwnOrigin: (origin: string) => boolean
  readonly foreignOrigin: ForeignOrigin
  /** Resolves when the database can answer; rejects with `service_unavailable`. */
  ready(): Promise<void>
  /** Who is asking, or null. Checks CSRF proof and rejects when it cannot know. */
  authenticate(request: IncomingMessage): Promise<Auth | null>
  /** Throws `reauthentication_required` unless the user proved who they are in the last 10 minutes. */
  assertRecentAuth(auth: Auth): void
  /** Throws `forbidden` for impersonators, `mfa_required` where the user has a factor that was not shown in the last 30 minutes. */
  assertOwnAccount(auth: Auth): Promise<void>
  /** Throws `mfa_required` where the role or organisation asks for a second factor and the session has shown none. */
  assertMfaWhereRequired(auth: Auth): Promise<void>
  /** Throws unless this session may change factors now. */
  assertMayChangeFactors(auth: Auth, change: FactorChange): Promise<void>
  /** Called with what the host's framework knows of the mount, to compare it with `publicBaseUrl`. */
  checkMount(request: IncomingMessage): void
}

/**
 * A router for these routes and nothing else: a request that is none of them goes on to the host untouched, as does an
 * OPTIONS that is no preflight of theirs.
 */
export function createRouter(routes: readonly Route[], plumbing: Plumbing): Middleware {
  const match = createMatcher(routes)
  return (request, response, next) => {
    const isPreflight = request.method === 'OPTIONS'
    const method = isPreflight ? preflightMethod(request) : request.method
    const found = match(method ?? '', request.url ?? '')
    // Express 4 takes the second slash of `/mount//v1/…` off with the mount: a spelling that a host's rule for the path misses.
    if (found === null || mountOf(request).endsWith('/')) next()
    else if (isPreflight) answerPreflight(found.route, plumbing, request, response)
    else void serve(found, plumbing, request, response)
  }
}

function answerPreflight(
  declared: Route,
  plumbing: Plumbing,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  try {
    plumbing.cors.answerPreflight(request, response, declared.readableBy)
  } catch (error) {
    plumbing.responder.fail(request, response, error, requestContext(request))
  }
}

async function serve(
  { route: declared, params }: Match,
  plumbing: Plumbing,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const context = requestContext(request)
  try {
    plumbing.cors.mark(request, response, declared.readableBy)
    plumbing.checkMount(request)
    if (declared.waitsForDatabase !== false) await plumbing.ready()
    const input: RouteInput<z.ZodType, z.ZodType, z.ZodType> = declared.input ?? {}
    const auth = await identify(declared, plumbing, request)
    const body = isUnsafe(declared.method) ? await readBody(request, response) : undefined
    const given = {
      body: input.body === undefined ? undefined : validate(input.body, body),
      params: input.params === undefined ? undefined : validate(input.params, decoded(params)),
      query: input.query === undefined ? undefined : validate(input.query, readQuery(request)),
    }
    // Last, as it may use a proof up.
    if (declared.factorChange !== undefined) {
      if (auth === null) throw new IdentSphereError('authentication_required')
      await plumbing.assertMayChangeFactors(auth, declared.factorChange)
    }
    const reply = await declared.handle({
      ...given,
      auth,
      context,
      cookie: (name) => plumbing.cookies.read(request.headers.cookie, name),
      conflictingCookies: plumbing.cookies.conflicting(request.headers.cookie),
      bearer: bearerToken(request.headers.authorization ?? null),
      csrfToken: csrfTokenOf(request),
    })
    plumbing.responder.send(response, reply, context, declared.cacheControl)
  } catch (error) {
    plumbing.responder.fail(request, response, error, context)
  }
}

/** Origin first, also before login; then, where the route needs one, the session. */
async function identify(declared: Route, plumbing: Plumbing, request: IncomingMessage): Promise<Auth | null> {
  // Where `Authorization` decides alone, no other site can make a browser send it. Elsewhere it proves nothing: browsers
  // repeat Basic credentials by themselves.
  const byHeader = declared.auth === 'session' && request.headers.authorization !== undefined
  if (isUnsafe(declared.method) && !byHeader) {
    const origin = request.headers.origin
    const secFetchSite = header(request, 'sec-fetch-site') ?? undefined
    if (isForeignRequest({ origin, secFetchSite }, plumbing.isOwnOrigin)) throw plumbing.foreignOrigin(origin)
  }
  if (declared.auth === 'none') return null
  const auth = await plumbing.authenticate(request)
  if (auth === null && declared.auth === 'optional') return null
  if (auth === null) throw new IdentSphereError('authentication_required')
  if (declared.beforeMfa !== true) await plumbing.assertMfaWhereRequired(auth)
  if (declared.recentAuth === true) plumbing.assertRecentAuth(auth)
  if (declared.ownAccount === true) await plumbing.assertOwnAccount(auth)
  return auth
}

/** @throws IdentSphereError `invalid_input` where a parameter does not decode, e.g. `%E0%A4%A` */
function decoded(params: Match['params']): Record<string, string> {
  try {
    return Object.fromEntries(Object.entries(params).map(([name, value]) => [name, decodeURIComponent(value)]))
  } catch (cause) {
    throw new IdentSphereError('invalid_input', { cause })
  }
}

/** The token from `X-IdentSphere-CSRF`, `X-CSRF-Token`, or the `_csrf` field of a form the host has parsed. */
export function csrfTokenOf(request: IncomingMessage): string | null {
  const sent = header(request, 'x-identsphere-csrf') ?? header(request, 'x-csrf-token')
  if (sent !== null) return sent
  const body = (request as { body?: unknown }).body
  const field = typeof body === 'object' && body !== null ? (body as { _csrf?: unknown })._csrf : undefined
  return typeof field === 'string' ? field : null
}
