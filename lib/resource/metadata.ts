import { z } from 'zod'
import { parseWith } from '../core/config/define-options.js'
import { requestContext } from '../core/http/request-context.js'
import type { Responder } from '../core/http/respond.js'
import type { Middleware } from '../core/http/router.js'

/** Optional metadata of the service (RFC 9728 section 2). */
export interface MetadataOptions {
  /** Scopes that the guards require. */
  scopes?: readonly string[]
  /** Display name of the service. */
  name?: string
  /** Address of the documentation for developers. */
  documentation?: string
}

const schema = z.strictObject({
  scopes: z.array(z.string().min(1)).optional(),
  name: z.string().min(1).optional(),
  documentation: z.url().optional(),
})

/** RFC 9728 section 3.1: the well-known part is between host and path. A path of `/` is dropped. */
export function metadataUrlOf(resource: string): URL {
  const url = new URL(resource)
  url.pathname = `/.well-known/oauth-protected-resource${url.pathname === '/' ? '' : url.pathname}`
  return url
}

/** Answers GET requests for the metadata. Other requests go to `next()`. */
export function metadataRouter(
  { issuer, resource, responder }: { issuer: string; resource: string; responder: Responder },
  options: MetadataOptions = {},
): Middleware {
  const { scopes, name, documentation } = parseWith(schema, options) as MetadataOptions
  const { pathname } = metadataUrlOf(resource)
  const body = {
    resource,
    authorization_servers: [issuer],
    bearer_methods_supported: ['header'],
    ...(scopes === undefined ? {} : { scopes_supported: scopes }),
    ...(name === undefined ? {} : { resource_name: name }),
    ...(documentation === undefined ? {} : { resource_documentation: documentation }),
  }
  return (request, response, next) => {
    if (request.method !== 'GET' || request.url?.split('?', 1)[0] !== pathname) return next()
    responder.send(response, { status: 200, body }, requestContext(request), 'public, max-age=300')
  }
}
