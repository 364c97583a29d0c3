import type { Logger } from '../core/config/logger.js'
import { bearerToken } from '../core/http/request-context.js'
import { openAccessToken, refused, type TokenVerifier, type VerifyResult } from '../features/tokens/verifier.js'
import type { RemoteKeys } from './remote-keys.js'
import { bearerProblem } from './rules/bearer-use.js'
import { type TokenAuth, toTokenAuth } from './token-auth.js'

/** Whose token an `Authorization` header holds; `none` without a bearer token in it, `invalid` where it counts for nothing. */
export type Seen = TokenAuth | 'none' | 'invalid'

/** Rejects with `service_unavailable` where the keys cannot be had. */
export type Look = (authorization: string | null) => Promise<Seen>

export function createLook({
  keys,
  verifier,
  logger,
}: {
  keys: RemoteKeys
  verifier: TokenVerifier
  logger: Logger
}): Look {
  async function verify(token: string): Promise<VerifyResult> {
    const known = verifier.recall(token, keys.current)
    if (known !== null) return known
    // What is no access token at all asks for no key, so garbage makes nobody fetch.
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
