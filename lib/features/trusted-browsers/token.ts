import type { KeyRing } from '../../core/crypto/key-ring.js'
import { issueMacToken, readMacToken } from '../../core/crypto/mac-token.js'

/** What a genuine token says. Whether it is still good, the table knows. */
export interface TrustClaim {
  id: string
  /** Counts the times the token was rotated. */
  generation: number
}

/**
 * `<key version>.<id>.<generation>.<HMAC>`: nobody can make one, so a generation that is over can only come from a copy.
 */
export interface TrustTokens {
  issue(claim: TrustClaim): string
  /** Null for whatever we did not make. */
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
