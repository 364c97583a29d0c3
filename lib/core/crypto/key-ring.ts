import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto'

/** A root secret of at least 256 bits. */
export interface RootSecret {
  version: number
  value: string
}

/**
 * The purpose of a derived key. Each purpose has its own HKDF label, so that no key has two purposes. Features declare their
 * purposes.
 */
export type KeyPurpose = string

/** A derived key and the version of its root secret. */
export interface VersionedKey {
  version: number
  key: KeyObject
}

/**
 * Keys derived from the root secrets with HKDF-SHA256 (RFC 5869), one per purpose and version. The newest secret protects new
 * values. All secrets can read old ones.
 */
export interface KeyRing {
  /** The key of the newest version, for new values. */
  current(purpose: KeyPurpose): VersionedKey
  /** The key of one version, or null if the version is not configured. */
  version(purpose: KeyPurpose, version: number): KeyObject | null
  /** All configured versions, newest first. */
  readonly versions: readonly number[]
}

/**
 * @param secrets newest first, at least one
 * @param purposes all declared purposes
 */
export function createKeyRing(secrets: readonly RootSecret[], purposes: readonly KeyPurpose[]): KeyRing {
  const [newest] = secrets
  if (newest === undefined) throw new TypeError('a key ring needs at least one root secret')
  const derived = new Map<string, KeyObject>()
  const byVersion = new Map(secrets.map((secret) => [secret.version, secret.value]))

  function version(purpose: KeyPurpose, number: number): KeyObject | null {
    const cached = derived.get(`${purpose}:${number}`)
    if (cached !== undefined) return cached
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
