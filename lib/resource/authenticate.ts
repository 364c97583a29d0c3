import type { Logger } from '../core/config/logger.js'
import { bearerToken } from '../core/http/request-context.js'
import { openAccessToken, refused, type TokenVerifier, type VerifyResult } from '../features/tokens/verifier.js'
import type { RemoteKeys } from './remote-keys.js'
import { bearerProblem } from './rules/bearer-use.js'
import { type TokenAuth, toTokenAuth } from './token-auth.js'

/** The result of an `Authorization` header. `none`: it contains no bearer token. `invalid`: the token is not valid. */
export type BearerResult = TokenAuth | 'none' | 'invalid'

/** Reads and verifies an `Authorization` header. Rejects with `service_unavailable` if the keys cannot be fetched. */
export type ReadBearer = (authorization: string | null) => Promise<BearerResult>

export function createBearerReader({
  keys,
  verifier,
  logger,
}: {
  keys: RemoteKeys
  verifier: TokenVerifier
  logger: Logger
}): ReadBearer {
  async function verify(token: string): Promise<VerifyResult> {
    const cached = verifier.recall(token, keys.current)
    if (cached !== null) return cached
    // Check the form first, so that an invalid token does not cause a fetch of the keys.
    const opened = openAccessToken(token)
    return typeof opened === 'string' ? refused(opened) : verifier.verify(opened, await keys.find(opened.kid))
  }

  return async (authorization) => {
    if (authorization === null || !/^Bearer(?![^ ])/i.test(authorization)) return 'none'
    const result = await verify(bearerToken(authorization) ?? '')
    const reason = result.ok ? bearerProblem(result.claims) : result.reason
    if (!result.ok || reason !== null) {
      logger.debug({ reason }, 'an access token was refused')
      return 'invalid'
    }
    return toTokenAuth(result.claims)
  }
}
