import jsonwebtoken from 'jsonwebtoken'
import type { SigningKey } from '../signing-keys.js'
import { readCompactForm } from './compact-form.js'
import { hasOnlyKnownMembers } from './header-members.js'
import { type JsonObject, readJsonObject } from './json-object.js'
import type { RefusalReason } from './refusal.js'

/** A decoded token whose signature was not verified. Its content is not trustworthy. */
export interface SignedForm {
  readonly text: string
  readonly header: JsonObject
  readonly payload: Buffer
}

/** Decodes a token and checks its header. */
export function readSigned(token: string): SignedForm | RefusalReason {
  const form = readCompactForm(token)
  if (typeof form === 'string') return form

  const header = readJsonObject(form.header)
  if (header === null) return 'malformed'
  if (!hasOnlyKnownMembers(header)) return 'header_member'
  return { text: token, header, payload: form.payload }
}

/** Verifies the signature with one of our keys. Returns null if it is valid. */
export function signatureProblem({ text, header }: SignedForm, key: SigningKey): 'algorithm' | 'signature' | null {
  // RFC 8725 section 3.1: the key decides the algorithm. Otherwise a public key could be used as an HMAC secret.
  if (header.alg !== key.algorithm) return 'algorithm'
  try {
    // `lifetimeProblem` checks the times with the injected clock.
    const options = { algorithms: [key.algorithm], ignoreExpiration: true, ignoreNotBefore: true }
    jsonwebtoken.verify(text, key.verifyingKey, options)
    return null
  } catch {
    return 'signature'
  }
}
