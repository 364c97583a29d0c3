import type { VerifiedAccessToken } from './rules/claim-shape.js'
import type { SigningKey } from './signing-keys.js'

/** The result for a valid token. The same object is returned each time. */
export interface Verified {
  readonly ok: true
  readonly claims: VerifiedAccessToken
  /** The key that signed it. */
  readonly kid: string
}

/** A result and the key that verified it. */
export interface VerifiedEntry {
  readonly result: Verified
  readonly key: SigningKey
}

/**
 * A cache of verified tokens by their exact text, so that RSA runs once per token. It caches only signatures. The session is
 * checked for each request.
 */
export interface VerifiedTokens {
  /**
   * Returns the cached result. Deletes the entry and returns null if the token has expired or its key was removed.
   *
   * @param now seconds since the Unix epoch
   */
  recall(token: string, now: number, ring: ReadonlyMap<string, SigningKey>): Verified | null
  /** Adds an entry. If the cache is full, the least recently used entry is deleted. */
  remember(token: string, entry: VerifiedEntry): void
  readonly size: number
}

/** @param maxTokens 0 disables the cache */
export function createVerifiedTokens(maxTokens: number): VerifiedTokens {
  // A Map iterates in insertion order. Each use inserts the entry again, so the first key is the least recently used.
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
      // V8 keeps the whole header alive for a substring of it. So the text is copied.
      const text = Buffer.from(token, 'latin1').toString('latin1')
      entries.set(text, { text, entry })
      if (entries.size <= maxTokens) return
      const [oldest] = entries.keys()
      entries.delete(oldest as string)
    },
    get size() {
      return entries.size
    },
  }
}
