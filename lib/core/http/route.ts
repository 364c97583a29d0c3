import type { z } from 'zod'
import type { Auth } from '../auth.js'
import type { Check } from '../checks.js'
import type { RequestContext } from '../context.js'
import type { ErrorCode } from '../errors.js'
import type { CookieChange, CookieName } from './cookies.js'
import type { Readers } from './cors.js'

/** What a handler is given. Everything in it has been validated. */
export interface RouteRequest<Body, Params, Query, Identity> {
  readonly body: Body
  readonly params: Params
  readonly query: Query
  readonly auth: Identity
  readonly context: RequestContext
  /** A cookie of the contract, or null. */
  cookie(name: CookieName): string | null
  /** Cookies of the contract that came twice with different values. */
  readonly conflictingCookies: readonly CookieName[]
  /** The token of an `Authorization: Bearer` header, or null. */
  readonly bearer: string | null
  /** The CSRF token that came with the request, or null. */
  readonly csrfToken: string | null
}

/** What a handler answers with. */
export interface Reply {
  readonly status: number
  readonly body?: object
  /** Anything but JSON, instead of `body`. */
  readonly content?: { readonly type: string; readonly text: string }
  readonly headers?: Readonly<Record<string, string>>
  readonly cookies?: readonly CookieChange[]
  /** Target of a redirect, already checked. */
  readonly location?: string
}

export interface RouteInput<Body extends z.ZodType, Params extends z.ZodType, Query extends z.ZodType> {
  readonly body?: Body
  readonly params?: Params
  readonly query?: Query
}

/**
 * Whether a route needs a session. `none`: the handler reads what credentials it needs itself. `optional`: one is read where it
 * is there.
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
   * What the session has to meet, in order. Their errors join `errors`. With `auth: 'optional'` they run only for a session.
   */
  readonly checks?: readonly Check[]
  /** Reachable by a session that still has to enroll a second factor which its role or organization requires. Default false. */
  readonly skipsRequirements?: boolean
  /** `Cache-Control`; default `no-store`. */
  readonly cacheControl?: string
  /** The pages that may read the answer. Default `own`: those of own origins. */
  readonly cors?: Readers
  /** False if the route answers while the database does not. Default true. */
  readonly needsDatabase?: boolean
  readonly input?: RouteInput<Body, Params, Query>
  /** Shape of each answer by status; null for an answer without a body. */
  readonly output: Readonly<Record<number, z.ZodType | null>>
  readonly errors: readonly ErrorCode[]
  readonly handle: (
    request: RouteRequest<z.output<Body>, z.output<Params>, z.output<Query>, Identity<A>>,
  ) => Promise<Reply> | Reply
}

/** A declared route with its types erased, as the router, the document and the `:id` test matrix read it. */
export type Route = Omit<RouteDeclaration<RouteAuth, z.ZodType, z.ZodType, z.ZodType>, 'handle'> & {
  readonly handle: (request: RouteRequest<unknown, unknown, unknown, Auth | null>) => Promise<Reply> | Reply
}

/**
 * Declares a route once. The router, validation, documentation and the authorisation tests all derive from it.
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
