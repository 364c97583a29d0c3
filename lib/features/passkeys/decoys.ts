import { hmacSha256 } from '../../core/crypto/digest.js'
import type { KeyRing } from '../../core/crypto/key-ring.js'
import type { CredentialDescriptor } from './library.js'

/** Lengths of credential ids of common authenticators. */
const idLengthsBytes = [16, 20, 32, 32]

/**
 * Fake credentials for an address without passkeys. They are the same each time, so that repeated requests reveal nothing.
 *
 * @see WebAuthn level 3 section 14.6.2
 */
export function decoyCredentials(keys: KeyRing, email: string): CredentialDescriptor[] {
  const { key } = keys.current('passkeys')
  const [shape = 0] = hmacSha256(key, 'decoy', email)
  const count = shape < 64 ? 2 : 1
  return Array.from({ length: count }, (_, index) => {
    const bytes = hmacSha256(key, 'decoy', email, String(index))
    const length = idLengthsBytes[(bytes[31] ?? 0) % idLengthsBytes.length]
    return { id: bytes.subarray(0, length).toString('base64url'), transports: ['hybrid', 'internal'] }
  })
}
