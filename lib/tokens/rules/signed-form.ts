import jsonwebtoken from 'jsonwebtoken'
import type { SigningKey } from '../../config/signing-keys.js'
import { readCompactForm } from './compact-form.js'
import { hasOnlyKnownMembers } from './header-members.js'
import { type JsonObject, readJsonObject } from './json-object.js'
import type { RefusalReason } from './refusal.js'

/** A token whose signature holds; its payload is still to be read. */
export interface SignedForm {
  key: SigningKey
  payload: Buffer
}

/**
 * Everything about a token that does not depend on its claims: form, header, pinned algorithm, signature.
 *
 * @param keyFor chooses one of our own keys by the header, or refuses it
 */
export function openSigned(
  token: string,
  keyFor: (header: JsonObject) => SigningKey | RefusalReason,
): SignedForm | RefusalReason {
  const form = readCompactForm(token)
  if (typeof form === 'string') return form

  const header = readJsonObject(form.header)
  if (header === null) return 'malformed'
  if (!hasOnlyKnownMembers(header)) return 'header_member'

  const key = keyFor(header)
  if (typeof key === 'string') return key

  // RFC 8725 section 3.1: the key decides the algorithm, so that no public key is ever taken for a shared secret.
  if (header.alg !== key.algorithm) return 'algorithm'
  return hasValidSignature(token, key) ? { key, payload: form.payload } : 'signature'
}

function hasValidSignature(token: string, key: SigningKey): boolean {
  try {
    // Times are compared by our own rule, with the injected clock.
    const options = { algorithms: [key.algorithm], ignoreExpiration: true, ignoreNotBefore: true }
    jsonwebtoken.verify(token, key.verifyingKey, options)
    return true
  } catch {
    return false
  }
}
