import type { Route } from './route.js'

/** The route that a request asks for. */
export interface Match {
  readonly route: Route
  /** What stands in the place of each `:name` of the path, still encoded. */
  readonly params: Readonly<Record<string, string>>
}

/** @param url path and query as `req.url` has them, relative to the mount */
export type Matcher = (method: string, url: string) => Match | null

/**
 * Compares as bytes: case, slashes and encoding count, so that a path has one spelling and no other one reaches a handler. It
 * only reads, which is how requests of the host's stay as they are.
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

/** The path alone, also of a request target in absolute form (RFC 9112 section 3.2.2). */
function pathOf(url: string): string {
  const end = url.indexOf('?')
  const target = end === -1 ? url : url.slice(0, end)
  return target.startsWith('/') ? target : target.replace(/^https?:\/\/[^/]*/i, '')
}
