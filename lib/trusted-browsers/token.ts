import { constantTimeEqual, hmacSha256 } from '../crypto/digest.js'
import type { KeyRing } from '../crypto/key-ring.js'

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
  const macOf = (key: Parameters<typeof hmacSha256>[0], id: string, generation: string) =>
    hmacSha256(key, id, generation).toString('base64url')
  return {
    issue({ id, generation }) {
      const { version, key } = keys.current('trust')
      return `${version}.${id}.${generation}.${macOf(key, id, String(generation))}`
    },
    read(token) {
      const parts = /^(\d{1,9})\.([0-9a-f-]{36})\.(\d{1,9})\.([\w-]{43})$/.exec(token ?? '')
      const [, version, id, generation, mac] = parts ?? []
      if (version === undefined || id === undefined || generation === undefined || mac === undefined) return null
      const key = keys.version('trust', Number(version))
      if (key === null || !constantTimeEqual(mac, macOf(key, id, generation))) return null
      return { id, generation: Number(generation) }
    },
  }
}
