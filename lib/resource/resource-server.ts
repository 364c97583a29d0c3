import type { IncomingMessage } from 'node:http'
import { type Clock, systemClock } from '../core/config/clock.js'
import { IdentSphereError } from '../core/errors.js'
import { headersOf, type IdentitySource, isMessage, isSource } from '../core/http/identity-source.js'
import { perRequest } from '../core/http/per-request.js'
import { createResponder } from '../core/http/respond.js'
import type { Middleware } from '../core/http/router.js'
import { createVerifier } from '../features/tokens/verifier.js'
import { createLook } from './authenticate.js'
import { createChallenge } from './challenge.js'
import { createKeyFetcher } from './fetch-keys.js'
import {
  optionalAuth,
  type RecentAuthOptions,
  type ResourceGuardParts,
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
 * Guards for a service that has no database of IdentSphere's and verifies its access tokens by its public keys.
 *
 * Guards by role, permission, second factor and platform admin do not exist here, because none of these is in a token. A
 * revocation is not seen before the token expires, after 15 minutes by default.
 */
export interface ResourceServer {
  /** People who are signed in themselves pass. 401 otherwise; 403 for tokens of OAuth clients. */
  requireAuth(): Middleware
  /** Everybody passes; `authOrNull(req)` says who it is. */
  optionalAuth(): Middleware
  /** Tokens with all of these scopes pass, those of OAuth clients too. 403 otherwise. */
  requireScope(...scopes: [string, ...string[]]): Middleware
  /** A proof of identity within `maxAgeSeconds`, 600 by default. 401 `reauthentication_required` otherwise. */
  requireRecentAuth(options?: RecentAuthOptions): Middleware

  /**
   * Who is asking, by the `Authorization` header, or null. Tokens of OAuth clients count for nothing here.
   *
   * @throws IdentSphereError `service_unavailable` when it cannot know
   */
  authenticate(source: IdentitySource): Promise<TokenAuth | null>
  /** What the guard in front of this handler established. @throws Error where there was none */
  auth(request: IncomingMessage): TokenAuth
  /** The same, or null where `optionalAuth` let nobody in particular through. */
  authOrNull(request: IncomingMessage): TokenAuth | null

  /**
   * Serves the metadata by which clients find the issuer (RFC 9728), at the root of the origin.
   *
   * @throws Error without the option `resource`
   */
  metadataRouter(options?: MetadataOptions): Middleware
}

/**
 * Makes the guards. Synchronous: fetches nothing before the first token comes.
 *
 * @throws ConfigurationError that names the setting at fault and the fix
 * @example
 * ```ts
 * const identsphere = createResourceServer({ issuer: 'https://app.example.com' })
 * app.get('/invoices', identsphere.requireAuth(), (req, res) => res.json(invoicesOf(identsphere.auth(req).userId)))
 * ```
 */
export function createResourceServer(options: ResourceServerOptions): ResourceServer {
  return buildResourceServer(options, { environment: process.env, clock: systemClock })
}

/** {@link createResourceServer} with environment and clock handed in. @internal */
export function buildResourceServer(
  options: ResourceServerOptions,
  { environment, clock }: { environment: NodeJS.ProcessEnv; clock: Clock },
): ResourceServer {
  const { issuer, audience, jwksUri, resource, logger } = loadResourceConfig(options, environment)
  const keys = createRemoteKeys({ fetchKeys: createKeyFetcher(jwksUri), clock, logger })
  const look = createLook({ keys, verifier: createVerifier({ issuer, audience, clock }), logger })
  const responder = createResponder({
    logger,
    translate: (cause) => new IdentSphereError('internal_error', { cause }),
    challenge: createChallenge(resource === null ? null : metadataUrlOf(resource)),
  })
  const established = perRequest<TokenAuth | null>()
  const parts: ResourceGuardParts = { look, responder, clock, remember: established.set }

  return {
    ...guardsThatNeedTheDatabase(),

    requireAuth: () => requireAuth(parts),
    optionalAuth: () => optionalAuth(parts),
    requireScope: (...scopes) => requireScope(parts, scopes),
    requireRecentAuth: (guard) => requireRecentAuth(parts, guard),

    async authenticate(source) {
      if (!isSource(source)) throw new TypeError('authenticate() needs a request or its headers')
      const authorization = isMessage(source) ? source.headers.authorization : headersOf(source).get('authorization')
      const seen = await look(authorization ?? null)
      return typeof seen === 'object' && seen.clientId === null ? seen : null
    },
    auth(request) {
      const auth = established.get(request)
      if (auth === undefined || auth === null) {
        throw new Error('auth(req): no guard found a signed-in user for this handler')
      }
      return auth
    },
    authOrNull(request) {
      const auth = established.get(request)
      if (auth === undefined) throw new Error('authOrNull(req): no guard ran before this handler')
      return auth
    },

    metadataRouter(metadata) {
      if (resource === null) throw new Error('metadataRouter: set the option `resource`, whose metadata it serves')
      return metadataRouter({ issuer, resource, responder }, metadata)
    },
  }
}
