import { isUtf8 } from 'node:buffer'

/** A frozen JSON object with unchecked members. */
export type JsonObject = Readonly<Record<string, unknown>>

/**
 * Parses a JSON object. Returns null unless the bytes are exactly what `JSON.stringify` writes. We issue all tokens that we
 * accept, so another spelling is not ours. This refuses duplicate member names (RFC 7519 section 4), because parsers differ in
 * which one they use. It also refuses a byte-order mark and invalid UTF-8.
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
