import type { WebAuthnLibrary } from '../library.js'

/**
 * Removes the attestation statement. We do not request one and trust none. So its certificates are never parsed, and no
 * revocation list is fetched.
 *
 * @see GHSA-6hxq, SimpleWebAuthn: a root certificate in `x5c` was trusted
 */
export function withoutAttestation(
  attestationObject: string,
  library: Pick<WebAuthnLibrary, 'decodeAttestationObject' | 'isoCBOR'>,
): string {
  const bytes = new Uint8Array(Buffer.from(attestationObject, 'base64url'))
  const authData = library.decodeAttestationObject(bytes).get('authData')
  const bare = new Map<string, unknown>([
    ['fmt', 'none'],
    ['attStmt', new Map()],
    ['authData', authData],
  ])
  return Buffer.from(library.isoCBOR.encode(bare)).toString('base64url')
}
