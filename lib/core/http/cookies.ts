import type { IncomingMessage } from 'node:http'
import cookieParser from 'cookie-parser'

/** The name of a cookie after `identsphere_`. Features declare theirs. */
export type CookieName = string

/** Where a cookie is sent, and whether scripts can read it. */
export interface CookieAttributes {
  readonly httpOnly: boolean
  /** `auth`: the routes below `/v1/auth` only. */
  readonly path: '/' | 'auth'
}

/** A cookie to set; `value: null` clears it. */
export interface CookieChange {
  name: CookieName
  value: string | null
  /** Seconds, at most 400 days (RFC 6265bis section 5.5). */
  maxAgeSeconds?: number
}

export interface CookieJar {
  /** The value, or null where the cookie is absent, not a string, or sent twice with different values. */
  read(header: string | undefined, name: CookieName): string | null
  /** The cookies that were sent twice with different values. They count as none and are to be cleared. */
  conflicting(header: string | undefined): CookieName[]
  /** A `Set-Cookie` value. */
  serialize(change: CookieChange): string
}

/** No cookie may come near the 4096 bytes that browsers keep, attributes included. */
const largestCookieBytes = 4096

export function createCookieJar(options: {
  mountPath: string
  secure: boolean
  prefix: boolean
  attributes: Readonly<Record<CookieName, CookieAttributes>>
}): CookieJar {
  const parse = cookieParser()
  const wireNames = new Map(
    Object.entries(options.attributes).map(([name, { path }]) => {
      const prefix = options.prefix ? (path === 'auth' ? '__Secure-' : '__Host-') : ''
      return [name, `${prefix}identsphere_${name}`]
    }),
  )

  function wireName(name: CookieName): string {
    const wire = wireNames.get(name)
    if (wire === undefined) throw new TypeError(`no feature declared the cookie ${name}`)
    return wire
  }

  return {
    read(header, name) {
      const wire = wireName(name)
      if (header === undefined || !header.includes(wire)) return null
      if (hasConflict(header, wire)) return null
      const carrier = { headers: { cookie: header } } as IncomingMessage & { cookies?: Record<string, unknown> }
      parse(carrier as never, undefined as never, () => {})
      const value = carrier.cookies?.[wire]
      // cookie-parser turns `j:{…}` into an object; only text is ever a credential.
      return typeof value === 'string' && value !== '' ? value : null
    },
    conflicting(header) {
      if (header === undefined) return []
      return [...wireNames].filter(([, wire]) => hasConflict(header, wire)).map(([name]) => name)
    },
    serialize({ name, value, maxAgeSeconds }) {
      const wire = wireName(name)
      const { httpOnly, path } = options.attributes[name] as CookieAttributes
      const parts = [
        `${wire}=${value ?? ''}`,
        `Path=${path === 'auth' ? `${options.mountPath}/v1/auth` : '/'}`,
        ...(value === null ? ['Max-Age=0'] : maxAgeSeconds === undefined ? [] : [`Max-Age=${maxAgeSeconds}`]),
        ...(httpOnly ? ['HttpOnly'] : []),
        ...(options.secure ? ['Secure'] : []),
        'SameSite=Lax',
      ]
      const text = parts.join('; ')
      if (Buffer.byteLength(text) >= largestCookieBytes) throw new RangeError(`cookie ${name} exceeds 4096 bytes`)
      return text
    },
  }
}

/**
 * Whether a cookie is sent more than once with differing values: a planted one beside ours. Which of them a parser picks
 * is chance, so neither counts.
 *
 * @see RFC 6265 section 5.4, SuperTokens 17.1.0
 */
function hasConflict(header: string, wire: string): boolean {
  if (header.indexOf(wire) === header.lastIndexOf(wire)) return false
  const values = header
    .split(';')
    .map((pair) => pair.split(/=(.*)/s, 2).map((part) => part.trim()))
    .filter(([name]) => name === wire)
    .map(([, value]) => value)
  return new Set(values).size > 1
}
