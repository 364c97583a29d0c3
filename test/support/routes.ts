import type { Route } from '../../lib/core/http/route.js'
import type { BuiltIdentSphere } from '../../lib/identsphere.js'
import type { TestApp } from './app.js'

/** Every route that the app's router was made from. Matrices over them cannot forget a new one. */
export function routesOf(app: Pick<TestApp, 'identsphere'>): readonly Route[] {
  return (app.identsphere as BuiltIdentSphere).routes
}

/** `DELETE /v1/users/me/sessions/:id`: the name of a route in a table of fixtures. */
export function nameOf(route: Pick<Route, 'method' | 'path'>): string {
  return `${route.method} ${route.path}`
}

/** Whether a route answers with a page, a script or a style instead of JSON, and so needs no database. */
export function isPage({ path }: Pick<Route, 'path'>): boolean {
  return path.startsWith('/v1/pages/') || path === '/v1/client.js'
}
