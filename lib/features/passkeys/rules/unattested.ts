import type { WebAuthnLibrary } from '../library.js'

/**
 * The same attestation object without its statement. We ask for none and trust none, so whatever stands there is not even
 * looked at: certificates of strangers are not parsed, and no revocation list of theirs is fetched.
 *
 * @see GHSA-6hxq, SimpleWebAuthn: a root certificate smuggled in `x5c`
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
