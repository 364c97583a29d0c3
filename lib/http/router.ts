import type { IncomingMessage, ServerResponse } from 'node:http'
import express from 'express'
import type { z } from 'zod'
import type { Auth } from './auth.js'
import { readBody } from './body.js'
import { bearerToken, header, requestContext } from './context.js'
import type { CookieJar } from './cookies.js'
import { IdentSphereError } from './errors.js'
import { isForeignRequest, isUnsafe } from './origin.js'
import type { Responder } from './respond.js'
import type { Route, RouteInput } from './route.js'
import { readQuery, validate } from './validate.js'

/** Middleware as Connect defines it; Express 4 and 5 accept it too. */
export type Middleware = (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void

/** What every route needs, handed in once. */
export interface Plumbing {
  readonly cookies: CookieJar
  readonly responder: Responder
  readonly isOwnOrigin: (origin: string) => boolean
  /** Resolves when the database can answer; rejects with `service_unavailable`. */
  ready(): Promise<void>
  /** Who is asking, or null. Checks CSRF proof and rejects when it cannot know. */
  authenticate(request: IncomingMessage): Promise<Auth | null>
  /** Throws `reauthentication_required` unless the user proved who they are in the last 10 minutes. */
  assertRecentAuth(auth: Auth): void
  /** Called with what Express knows of the mount, to compare it with `publicBaseUrl`. */
  checkMount(request: IncomingMessage): void
}

/**
 * A router for these routes and nothing else: paths match exactly (case, slashes), and a request that is none of them
 * goes on to the host untouched.
 */
export function createRouter(routes: readonly Route[], plumbing: Plumbing): Middleware {
  const router = express.Router({ caseSensitive: true, strict: true })
  for (const declared of routes) {
    const method = declared.method.toLowerCase() as 'get' | 'post' | 'patch' | 'delete'
    router[method](declared.path, (request, response) => {
      void serve(declared, plumbing, request, response)
    })
  }
  // Handlers answer their own errors. What is left is a parameter that does not decode, e.g. `%E0%A4%A`, which Express
  // would hand to the host as an error of the host's.
  router.use((cause: unknown, request: IncomingMessage, response: ServerResponse, _next: unknown) => {
    const error = new IdentSphereError('invalid_input', { cause })
    plumbing.responder.fail(request, response, error, requestContext(request))
  })
  return router as unknown as Middleware
}

async function serve(
  declared: Route,
  plumbing: Plumbing,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const context = requestContext(request)
  try {
    plumbing.checkMount(request)
    if (declared.waitsForDatabase !== false) await plumbing.ready()
    const input: RouteInput<z.ZodType, z.ZodType, z.ZodType> = declared.input ?? {}
    const auth = await identify(declared, plumbing, request)
    const body = isUnsafe(declared.method) ? await readBody(request, response) : undefined
    const reply = await declared.handle({
      body: input.body === undefined ? undefined : validate(input.body, body),
      params: input.params === undefined ? undefined : validate(input.params, paramsOf(request)),
      query: input.query === undefined ? undefined : validate(input.query, readQuery(request)),
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
    if (isForeignRequest({ origin, secFetchSite }, plumbing.isOwnOrigin)) throw new IdentSphereError('csrf_failed')
  }
  if (declared.auth === 'none') return null
  const auth = await plumbing.authenticate(request)
  if (auth === null && declared.auth === 'optional') return null
  if (auth === null) throw new IdentSphereError('authentication_required')
  if (declared.recentAuth === true) plumbing.assertRecentAuth(auth)
  return auth
}

function paramsOf(request: IncomingMessage): unknown {
  return { ...(request as { params?: Record<string, string> }).params }
}

/** The token from `X-IdentSphere-CSRF`, `X-CSRF-Token`, or the `_csrf` field of a form the host has parsed. */
export function csrfTokenOf(request: IncomingMessage): string | null {
  const sent = header(request, 'x-identsphere-csrf') ?? header(request, 'x-csrf-token')
  if (sent !== null) return sent
  const body = (request as { body?: unknown }).body
  const field = typeof body === 'object' && body !== null ? (body as { _csrf?: unknown })._csrf : undefined
  return typeof field === 'string' ? field : null
}
