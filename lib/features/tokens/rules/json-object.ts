import { isUtf8 } from 'node:buffer'

/** A frozen JSON object whose members are still to be checked. */
export type JsonObject = Readonly<Record<string, unknown>>

/**
 * Reads a JSON object exactly as `JSON.stringify` writes it, or returns null. We mint every token that we accept, so
 * any other spelling is not ours. That refuses duplicate member names (RFC 7519 section 4), of which two parsers may
 * pick different ones, along with a byte-order mark and bytes that are not UTF-8.
 */
export function readJsonObject(bytes: Buffer): JsonObject | null {
  if (!isUtf8(bytes)) return null
  const text = bytes.toString('utf8')
  try {
    const value: unknown = JSON.parse(text, (_name, member) => Object.freeze(member))
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
    return JSON.stringify(value) === text ? (value as JsonObject) : null
  } catch {
    return null
  }
}
