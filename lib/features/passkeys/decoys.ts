import { hmacSha256 } from '../../core/crypto/digest.js'
import type { KeyRing } from '../../core/crypto/key-ring.js'
import type { CredentialDescriptor } from './library.js'

/** Lengths in bytes of credential ids that common authenticators make. */
const lengths = [16, 20, 32, 32]

/**
 * Credentials that nobody has, for an address without passkeys: the same ones each time, so that asking twice tells nothing.
 *
 * @see WebAuthn level 3 section 14.6.2
 */
export function decoyCredentials(keys: KeyRing, email: string): CredentialDescriptor[] {
  const { key } = keys.current('passkeys')
  const [shape = 0] = hmacSha256(key, 'decoy', email)
  const count = shape < 64 ? 2 : 1
  return Array.from({ length: count }, (_, index) => {
    const bytes = hmacSha256(key, 'decoy', email, String(index))
    const length = lengths[(bytes[31] ?? 0) % lengths.length]
    return { id: bytes.subarray(0, length).toString('base64url'), transports: ['hybrid', 'internal'] }
  })
}
