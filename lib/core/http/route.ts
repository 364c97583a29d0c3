import type { z } from 'zod'
import type { Auth } from '../auth.js'
import type { Check } from '../checks.js'
import type { RequestContext } from '../context.js'
import type { ErrorCode } from '../errors.js'
import type { CookieChange, CookieName } from './cookies.js'
import type { Readers } from './cors.js'

/** The validated input of a handler. */
export interface RouteRequest<Body, Params, Query, Identity> {
  readonly body: Body
  readonly params: Params
  readonly query: Query
  readonly auth: Identity
  readonly context: RequestContext
  /** The value of one of our cookies, or null. */
  cookie(name: CookieName): string | null
  /** Our cookies that were sent twice with different values. */
  readonly conflictingCookies: readonly CookieName[]
  /** The token of an `Authorization: Bearer` header, or null. */
  readonly bearer: string | null
  /** The CSRF token of the request, or null. */
  readonly csrfToken: string | null
}

/** The answer of a handler. */
export interface Reply {
  readonly status: number
  readonly body?: object
  /** Content that is not JSON, instead of `body`. */
  readonly content?: { readonly type: string; readonly text: string }
  readonly headers?: Readonly<Record<string, string>>
  readonly cookies?: readonly CookieChange[]
  /** Target of a redirect. The handler has checked it. */
  readonly location?: string
}

export interface RouteInput<Body extends z.ZodType, Params extends z.ZodType, Query extends z.ZodType> {
  readonly body?: Body
  readonly params?: Params
  readonly query?: Query
}

/**
 * Whether a route needs a session. `none`: the handler reads the credentials itself. `optional`: a session is used if there is
 * one.
 */
export type RouteAuth = 'none' | 'optional' | 'session'

type Identity<A extends RouteAuth> = A extends 'session' ? Auth : A extends 'optional' ? Auth | null : null

export interface RouteDeclaration<
  A extends RouteAuth,
  Body extends z.ZodType,
  Params extends z.ZodType,
  Query extends z.ZodType,
> {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly auth: A
  /**
   * Checks of the session, in order. Their errors are added to `errors`. With `auth: 'optional'` they run only for a session.
   */
  readonly checks?: readonly Check[]
  /** Also allows a session that still has to enroll a required second factor. Default false. */
  readonly skipsRequirements?: boolean
  /** Value of `Cache-Control`. Default `no-store`. */
  readonly cacheControl?: string
  /** Which pages may read the answer. Default `own`. */
  readonly cors?: Readers
  /** False if the route can answer without the database. Default true. */
  readonly needsDatabase?: boolean
  readonly input?: RouteInput<Body, Params, Query>
  /** Schema of each answer by status. Null for an answer without a body. */
  readonly output: Readonly<Record<number, z.ZodType | null>>
  readonly errors: readonly ErrorCode[]
  readonly handle: (
    request: RouteRequest<z.output<Body>, z.output<Params>, z.output<Query>, Identity<A>>,
  ) => Promise<Reply> | Reply
}

/** A declared route without its generic types. */
export type Route = Omit<RouteDeclaration<RouteAuth, z.ZodType, z.ZodType, z.ZodType>, 'handle'> & {
  readonly handle: (request: RouteRequest<unknown, unknown, unknown, Auth | null>) => Promise<Reply> | Reply
}

/**
 * Declares a route. The router, validation, documentation and authorization tests derive from this declaration.
 *
 * @example
 * ```ts
 * route({
 *   method: 'GET', path: '/v1/users/me', auth: 'session',
 *   output: { 200: profile }, errors: [],
 *   handle: async ({ auth }) => ({ status: 200, body: await service.profile(auth.userId) }),
 * })
 * ```
 */
export function route<
  A extends RouteAuth,
  Body extends z.ZodType = z.ZodUndefined,
  Params extends z.ZodType = z.ZodUndefined,
  Query extends z.ZodType = z.ZodUndefined,
>(declaration: RouteDeclaration<A, Body, Params, Query>): Route {
  const errors = [...declaration.errors, ...(declaration.checks ?? []).flatMap((check) => check.errors)]
  return { ...declaration, errors: [...new Set(errors)] } as unknown as Route
}
