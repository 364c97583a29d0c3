import type { IncomingMessage } from 'node:http'
import { type Clock, systemClock } from '../core/config/clock.js'
import { IdentSphereError } from '../core/errors.js'
import { headersOf, type IdentitySource, isMessage, isSource } from '../core/http/identity-source.js'
import { perRequest } from '../core/http/per-request.js'
import { createResponder } from '../core/http/respond.js'
import type { Middleware } from '../core/http/router.js'
import { createVerifier } from '../features/tokens/verifier.js'
import { createBearerReader } from './authenticate.js'
import { createChallenge } from './challenge.js'
import { createKeyFetcher } from './fetch-keys.js'
import {
  optionalAuth,
  type RecentAuthOptions,
  type ResourceGuardDeps,
  requireAuth,
  requireRecentAuth,
  requireScope,
} from './guards.js'
import { type MetadataOptions, metadataRouter, metadataUrlOf } from './metadata.js'
import { guardsThatNeedTheDatabase } from './needs-database.js'
import { loadResourceConfig, type ResourceServerOptions } from './options.js'
import { createRemoteKeys } from './remote-keys.js'
import type { TokenAuth } from './token-auth.js'

/**
 * Guards for a service without IdentSphere's database. They verify access tokens with the issuer's public keys.
 *
 * There are no guards for role, permission, second factor and platform admin, because tokens do not contain these facts. A revoked
 * session stays valid here until its token expires, by default after 15 minutes.
 */
export interface ResourceServer {
  /** Requires a token of the user's own session. Otherwise answers 401, or 403 for tokens of OAuth clients. */
  requireAuth(): Middleware
  /** Allows every request. `authOrNull(req)` returns the user. */
  optionalAuth(): Middleware
  /** Requires a token with all of these scopes, also of OAuth clients. Otherwise answers 403. */
  requireScope(...scopes: [string, ...string[]]): Middleware
  /** Requires authentication in the last `maxAgeSeconds`, 600 by default. Otherwise answers 401 `reauthentication_required`. */
  requireRecentAuth(options?: RecentAuthOptions): Middleware

  /**
   * Returns the user of the `Authorization` header, or null. Tokens of OAuth clients are ignored.
   *
   * @throws IdentSphereError `service_unavailable` if the token cannot be verified now
   */
  authenticate(source: IdentitySource): Promise<TokenAuth | null>
  /** The caller of a guarded request. @throws Error if no guard ran before this handler */
  auth(request: IncomingMessage): TokenAuth
  /** The same, or null without a valid token. @throws Error if no guard ran before this handler */
  authOrNull(request: IncomingMessage): TokenAuth | null

  /**
   * Serves the metadata at the root of the origin (RFC 9728). Clients find the issuer with it.
   *
   * @throws Error without the option `resource`
   */
  metadataRouter(options?: MetadataOptions): Middleware
}

/**
 * Creates the guards. It fetches nothing before the first token.
 *
 * @throws ConfigurationError that names the invalid setting and the fix
 * @example
 * ```ts
 * const identsphere = createResourceServer({ issuer: 'https://app.example.com' })
 * app.get('/invoices', identsphere.requireAuth(), (req, res) => res.json(invoicesOf(identsphere.auth(req).userId)))
 * ```
 */
export function createResourceServer(options: ResourceServerOptions): ResourceServer {
  return buildResourceServer(options, { environment: process.env, clock: systemClock })
}

/** {@link createResourceServer} with a given environment and clock. @internal */
export function buildResourceServer(
  options: ResourceServerOptions,
  { environment, clock }: { environment: NodeJS.ProcessEnv; clock: Clock },
): ResourceServer {
  const { issuer, audience, jwksUri, resource, logger } = loadResourceConfig(options, environment)
  const keys = createRemoteKeys({ fetchKeys: createKeyFetcher(jwksUri), clock, logger })
  const readBearer = createBearerReader({ keys, verifier: createVerifier({ issuer, audience, clock }), logger })
  const responder = createResponder({
    logger,
    translate: (cause) => new IdentSphereError('internal_error', { cause }),
    challenge: createChallenge(resource === null ? null : metadataUrlOf(resource)),
  })
  const guardResults = perRequest<TokenAuth | null>()
  const deps: ResourceGuardDeps = { readBearer, responder, clock, remember: guardResults.set }

  return {
    ...guardsThatNeedTheDatabase(),

    requireAuth: () => requireAuth(deps),
    optionalAuth: () => optionalAuth(deps),
    requireScope: (...scopes) => requireScope(deps, scopes),
    requireRecentAuth: (guardOptions) => requireRecentAuth(deps, guardOptions),

    async authenticate(source) {
      if (!isSource(source)) throw new TypeError('authenticate() needs a request or its headers')
      const authorization = isMessage(source) ? source.headers.authorization : headersOf(source).get('authorization')
      const result = await readBearer(authorization ?? null)
      return typeof result === 'object' && result.clientId === null ? result : null
    },
    auth(request) {
      const auth = guardResults.get(request)
      if (auth === undefined || auth === null) {
        throw new Error('auth(req): no guard found a signed-in user for this handler')
      }
      return auth
    },
    authOrNull(request) {
      const auth = guardResults.get(request)
      if (auth === undefined) throw new Error('authOrNull(req): no guard ran before this handler')
      return auth
    },

    metadataRouter(metadata) {
      if (resource === null) throw new Error('metadataRouter: set the option `resource`')
      return metadataRouter({ issuer, resource, responder }, metadata)
    },
  }
}
