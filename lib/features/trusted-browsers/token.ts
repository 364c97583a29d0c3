import type { KeyRing } from '../../core/crypto/key-ring.js'
import { issueMacToken, readMacToken } from '../../core/crypto/mac-token.js'

/** Content of an authentic token. The table decides whether it is still valid. */
export interface TrustClaim {
  id: string
  /** How often the token was rotated. */
  generation: number
}

/**
 * Tokens `<key version>.<id>.<generation>.<HMAC>`. They cannot be forged, so an old generation comes from a copy.
 */
export interface TrustTokens {
  issue(claim: TrustClaim): string
  /** Returns null if the token is not authentic. */
  read(token: string | null): TrustClaim | null
}

export function createTrustTokens(keys: KeyRing): TrustTokens {
  return {
    issue: ({ id, generation }) => issueMacToken(keys, 'trust', [], [id, String(generation)]),
    read(token) {
      const [id, generation] = readMacToken(keys, 'trust', [], token) ?? []
      return id === undefined || generation === undefined ? null : { id, generation: Number(generation) }
    },
  }
}
