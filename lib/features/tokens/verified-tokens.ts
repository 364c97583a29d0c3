import type { VerifiedAccessToken } from './rules/claim-shape.js'
import type { SigningKey } from './signing-keys.js'

/** What callers get for a token that passed every rule. Made once and handed out again. */
export interface Verified {
  readonly ok: true
  readonly claims: VerifiedAccessToken
  /** The key that signed it. */
  readonly kid: string
}

/** The result, and the key that it was reached with. */
export interface VerifiedEntry {
  readonly result: Verified
  readonly key: SigningKey
}

/**
 * Tokens that were verified already, by their exact text, so that RSA runs once a token. It remembers signatures only:
 * whether the session still lives is asked for every request.
 */
export interface VerifiedTokens {
  /**
   * The result, or null. An entry whose token has expired or whose key has left the ring is forgotten.
   *
   * @param now seconds since the Unix epoch
   */
  recall(token: string, now: number, ring: ReadonlyMap<string, SigningKey>): Verified | null
  /** Keeps an entry; beyond the limit the one that was used longest ago goes. */
  remember(token: string, entry: VerifiedEntry): void
  readonly size: number
}

/** @param limit number of tokens; 0 remembers none */
export function createVerifiedTokens(limit: number): VerifiedTokens {
  // A Map iterates in order of insertion, so re-inserting on use makes its first key the least recently used.
  const entries = new Map<string, { text: string; entry: VerifiedEntry }>()

  return {
    recall(token, now, ring) {
      const kept = entries.get(token)
      if (kept === undefined) return null
      const { text, entry } = kept
      entries.delete(text)
      if (now >= entry.result.claims.exp || ring.get(entry.key.kid) !== entry.key) return null
      entries.set(text, kept)
      return entry.result
    },
    remember(token, entry) {
      // A copy is kept: V8 would otherwise hold on to the whole header that each token was cut from.
      const text = Buffer.from(token, 'latin1').toString('latin1')
      entries.set(text, { text, entry })
      if (entries.size <= limit) return
      const [oldest] = entries.keys()
      entries.delete(oldest as string)
    },
    get size() {
      return entries.size
    },
  }
}
