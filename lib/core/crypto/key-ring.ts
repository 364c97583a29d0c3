import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto'

/** One root secret with its version. At least 256 bits. */
export interface RootSecret {
  version: number
  value: string
}

/**
 * What a derived key is for. Each purpose has its own HKDF label, so that no key ever serves two. Features declare theirs; a purpose
 * that no feature declared has no key.
 */
export type KeyPurpose = string

/** A key together with the version of the root secret that it came from. */
export interface VersionedKey {
  version: number
  key: KeyObject
}

/**
 * Keys derived from the root secrets with HKDF-SHA256 (RFC 5869), one per purpose and version.
 * The first secret writes; all of them read.
 */
export interface KeyRing {
  /** The key that writes. */
  current(purpose: KeyPurpose): VersionedKey
  /** The key of one version, or null where that version is not configured. */
  version(purpose: KeyPurpose, version: number): KeyObject | null
  /** Every configured version, newest first. */
  readonly versions: readonly number[]
}

/**
 * @param secrets newest first, never empty; checked by the configuration
 * @param purposes those that may be asked for
 */
export function createKeyRing(secrets: readonly RootSecret[], purposes: readonly KeyPurpose[]): KeyRing {
  const [newest] = secrets
  if (newest === undefined) throw new TypeError('a key ring needs at least one root secret')
  const derived = new Map<string, KeyObject>()
  const byVersion = new Map(secrets.map((secret) => [secret.version, secret.value]))

  function version(purpose: KeyPurpose, number: number): KeyObject | null {
    const known = derived.get(`${purpose}:${number}`)
    if (known !== undefined) return known
    if (!purposes.includes(purpose)) throw new TypeError(`no feature declared the key purpose ${purpose}`)
    const root = byVersion.get(number)
    if (root === undefined) return null
    const key = createSecretKey(Buffer.from(hkdfSync('sha256', root, '', `identsphere/v1/${purpose}`, 32)))
    derived.set(`${purpose}:${number}`, key)
    return key
  }

  return {
    versions: secrets.map((secret) => secret.version),
    version,
    current(purpose) {
      return { version: newest.version, key: version(purpose, newest.version) as KeyObject }
    },
  }
}
