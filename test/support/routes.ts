import type { Route } from '../../lib/core/http/route.js'

export { routesOf } from './built.js'

/** `DELETE /v1/users/me/sessions/:id`: the name of a route in a table of fixtures. */
export function nameOf(route: Pick<Route, 'method' | 'path'>): string {
  return `${route.method} ${route.path}`
}

/** Whether a route answers with a page, a script or a style instead of JSON, and so needs no database. */
export function isPage({ path }: Pick<Route, 'path'>): boolean {
  return path.startsWith('/v1/pages/') || path === '/v1/client.js'
}
