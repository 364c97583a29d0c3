import jwksRsa from 'jwks-rsa'
import { z } from 'zod'
import { readRsaKey } from '../core/crypto/rsa-key.js'
import type { SigningKey } from '../features/tokens/signing-keys.js'
import { fetchJson } from './fetch-json.js'

/** RFC 7517 section 5. More keys than anybody rotates through are no key set of ours. */
const keySet = z.object({ keys: z.array(z.record(z.string(), z.unknown())).max(50) })

/**
 * How the current key set is fetched. jwks-rsa fetches and parses; it leaves out what is not for signatures (`use`, `key_ops`),
 * private and shared keys. Its cache and its rate limit stay off: that cache keeps key by key, by a clock of its own, so that
 * neither one fetch for any number of unknown keys nor the end of a removed key could be promised, and the limit makes
 * callers wait for minutes.
 *
 * @returns a function that rejects where the set cannot be had; a set without keys is one
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
      // With a fetcher, its only error of this kind is a set of no usable keys, as after the revocation of the last one.
      if (error instanceof jwksRsa.JwksError) return []
      throw error
    }
  }

  return async () => {
    const keys = await published()
    const kids = keys.map(({ kid }) => kid)
    // Of two keys with one kid, which one a token means would be chance.
    const unique = keys.filter(({ kid }) => kids.indexOf(kid) === kids.lastIndexOf(kid))
    return new Map(unique.flatMap((key) => pinned(key) ?? []).map((key) => [key.kid, key]))
  }
}

/** The key with RS256 pinned to it; null where its set says another algorithm, or it is too weak. */
function pinned(key: jwksRsa.SigningKey): SigningKey | null {
  const { kid, alg = 'RS256' } = key as Partial<jwksRsa.SigningKey>
  if (kid === undefined || alg !== 'RS256') return null
  const verifyingKey = readRsaKey(key.getPublicKey())
  return verifyingKey && Object.freeze({ kid, algorithm: alg, verifyingKey, signingKey: null })
}
