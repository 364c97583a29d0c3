import jsonwebtoken from 'jsonwebtoken'
import type { SigningKey } from '../signing-keys.js'
import { readCompactForm } from './compact-form.js'
import { hasOnlyKnownMembers } from './header-members.js'
import { type JsonObject, readJsonObject } from './json-object.js'
import type { RefusalReason } from './refusal.js'

/** A token before any key is chosen: nothing in it is to be believed yet. */
export interface SignedForm {
  readonly text: string
  readonly header: JsonObject
  readonly payload: Buffer
}

/** Everything about a token that depends neither on its claims nor on a key. */
export function readSigned(token: string): SignedForm | RefusalReason {
  const form = readCompactForm(token)
  if (typeof form === 'string') return form

  const header = readJsonObject(form.header)
  if (header === null) return 'malformed'
  if (!hasOnlyKnownMembers(header)) return 'header_member'
  return { text: token, header, payload: form.payload }
}

/** What is wrong with a token's signature under one of our own keys, or null. */
export function signatureProblem({ text, header }: SignedForm, key: SigningKey): 'algorithm' | 'signature' | null {
  // RFC 8725 section 3.1: the key decides the algorithm, so that no public key is ever taken for a shared secret.
  if (header.alg !== key.algorithm) return 'algorithm'
  try {
    // Times are compared by our own rule, with the injected clock.
    const options = { algorithms: [key.algorithm], ignoreExpiration: true, ignoreNotBefore: true }
    jsonwebtoken.verify(text, key.verifyingKey, options)
    return null
  } catch {
    return 'signature'
  }
}
