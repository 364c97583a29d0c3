import type { Route } from './route.js'

/** A matched route with its path parameters. */
export interface Match {
  readonly route: Route
  /** The value of each `:name` in the path, still percent-encoded. */
  readonly params: Readonly<Record<string, string>>
}

/** @param url path and query of `req.url`, relative to the mount */
export type Matcher = (method: string, url: string) => Match | null

/**
 * Compares paths byte by byte: case, slashes and encoding matter. So each route has exactly one spelling, and other spellings
 * reach no handler. The matcher does not change the request.
 */
export function createMatcher(routes: readonly Route[]): Matcher {
  const exact = new Map<string, Match>()
  const patterns: Array<{ route: Route; pattern: RegExp }> = []
  for (const route of routes) {
    if (route.path.includes('/:')) patterns.push({ route, pattern: patternOf(route.path) })
    else exact.set(`${route.method} ${route.path}`, { route, params: {} })
  }

  return (given, url) => {
    const method = given === 'HEAD' ? 'GET' : given
    const path = pathOf(url)
    const found = exact.get(`${method} ${path}`)
    if (found !== undefined) return found
    for (const { route, pattern } of patterns) {
      const params = route.method === method ? pattern.exec(path)?.groups : undefined
      if (params !== undefined) return { route, params }
    }
    return null
  }
}

function patternOf(path: string): RegExp {
  const literal = path.replace(/[.+*?^${}()|[\]\\]/g, '\\$&')
  return new RegExp(`^${literal.replace(/:(\w+)/g, '(?<$1>[^/]+)')}$`)
}

/** The path without its query, also of a request target in absolute form (RFC 9112 section 3.2.2). */
function pathOf(url: string): string {
  const end = url.indexOf('?')
  const target = end === -1 ? url : url.slice(0, end)
  return target.startsWith('/') ? target : target.replace(/^https?:\/\/[^/]*/i, '')
}
