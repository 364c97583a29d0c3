import type { IncomingMessage } from 'node:http'
import cookieParser from 'cookie-parser'

/** The name of a cookie after `identsphere_`. Features declare theirs. */
export type CookieName = string

export interface CookieAttributes {
  readonly httpOnly: boolean
  /** `auth`: sent only to the routes below `/v1/auth`. */
  readonly path: '/' | 'auth'
}

/** A cookie to set. `value: null` clears it. */
export interface CookieChange {
  name: CookieName
  value: string | null
  /** Seconds, at most 400 days (RFC 6265bis section 5.5). */
  maxAgeSeconds?: number
}

export interface CookieJar {
  /** The value. Null if the cookie is absent, is not a string, or was sent twice with different values. */
  read(header: string | undefined, name: CookieName): string | null
  /** Cookies that were sent twice with different values. They are ignored, and the answer should clear them. */
  conflicting(header: string | undefined): CookieName[]
  /** @returns the value of a `Set-Cookie` header */
  serialize(change: CookieChange): string
}

/** Browsers drop larger cookies. The limit includes the attributes. */
const maxCookieBytes = 4096

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
      // cookie-parser turns `j:{…}` into an object. A credential is always text.
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
      if (Buffer.byteLength(text) >= maxCookieBytes) throw new RangeError(`cookie ${name} exceeds 4096 bytes`)
      return text
    },
  }
}

/**
 * Whether a cookie was sent more than once with different values. An attacker may have set the other cookie, and parsers
 * differ in which one they use. So both are ignored.
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
