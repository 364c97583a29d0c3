import type { KeyObject } from 'node:crypto'
import { constantTimeEqual, hmacSha256 } from './digest.js'
import type { KeyPurpose, KeyRing } from './key-ring.js'

const macOf = (key: KeyObject, parts: readonly string[]) => hmacSha256(key, ...parts).toString('base64url')

/**
 * Makes a token `<key version>.<parts>.<HMAC over boundTo and the parts>`. The token is valid only with the same `boundTo`.
 * Parts must not contain a dot.
 */
export function issueMacToken(
  keys: KeyRing,
  purpose: KeyPurpose,
  boundTo: readonly string[],
  parts: readonly string[] = [],
): string {
  const { version, key } = keys.current(purpose)
  return [version, ...parts, macOf(key, [...boundTo, ...parts])].join('.')
}

/** @returns the parts, or null if the token is not valid for `boundTo` */
export function readMacToken(
  keys: KeyRing,
  purpose: KeyPurpose,
  boundTo: readonly string[],
  token: string | null,
): string[] | null {
  const [, version, text = '', mac] = /^(\d{1,9})\.(?:(.+)\.)?([\w-]{43})$/.exec(token ?? '') ?? []
  if (version === undefined || mac === undefined) return null
  const parts = text === '' ? [] : text.split('.')
  const key = keys.version(purpose, Number(version))
  return key !== null && constantTimeEqual(mac, macOf(key, [...boundTo, ...parts])) ? parts : null
}
