import jwksRsa from 'jwks-rsa'
import { z } from 'zod'
import { readRsaKey } from '../core/crypto/rsa-key.js'
import type { SigningKey } from '../features/tokens/signing-keys.js'
import { fetchJson } from './fetch-json.js'

/** RFC 7517 section 5. The limit is far above the number of keys in a rotation. */
const keySet = z.object({ keys: z.array(z.record(z.string(), z.unknown())).max(50) })

/**
 * Makes a function that fetches the current key set. jwks-rsa parses it and drops private keys, symmetric keys, and keys that are
 * not for signatures (`use`, `key_ops`). Its cache and its rate limit are disabled. The cache stores each key for itself with its
 * own clock. So many unknown keys would cause many fetches, and a removed key could stay. The rate limit makes callers wait for
 * minutes.
 *
 * @returns a function that rejects if the set cannot be fetched. It accepts an empty set
 */
export function createKeyFetcher(jwksUri: URL): () => Promise<ReadonlyMap<string, SigningKey>> {
  const client = new jwksRsa.JwksClient({
    jwksUri: jwksUri.href,
    cache: false,
    rateLimit: false,
    fetcher: async () => keySet.parse(await fetchJson(jwksUri)),
  })

  async function published(): Promise<jwksRsa.SigningKey[]> {
    try {
      return await client.getSigningKeys()
    } catch (error) {
      // With a fetcher, jwks-rsa throws this error only for a set without usable keys, e.g. after all keys were revoked.
      if (error instanceof jwksRsa.JwksError) return []
      throw error
    }
  }

  return async () => {
    const keys = await published()
    const kids = keys.map(({ kid }) => kid)
    // If two keys have the same kid, both are dropped, because it is unclear which one a token refers to.
    const unique = keys.filter(({ kid }) => kids.indexOf(kid) === kids.lastIndexOf(kid))
    return new Map(unique.flatMap((key) => pinned(key) ?? []).map((key) => [key.kid, key]))
  }
}

/** Binds the key to RS256. Returns null if the set declares another algorithm, or if the key is too weak. */
function pinned(key: jwksRsa.SigningKey): SigningKey | null {
  const { kid, alg = 'RS256' } = key as Partial<jwksRsa.SigningKey>
  if (kid === undefined || alg !== 'RS256') return null
  const verifyingKey = readRsaKey(key.getPublicKey())
  return verifyingKey && Object.freeze({ kid, algorithm: alg, verifyingKey, signingKey: null })
}
