import type { RequestListener, ServerResponse } from 'node:http'
import connect from 'connect'
import express, { type Express } from 'express'
import express4 from 'express4'
import type { Middleware } from '../../lib/core/http/router.js'

/** What makes an app, by the framework's name. All of them have `use(path, middleware)`. */
export const frameworks = { express5: express, express4, connect }

export type Framework = keyof typeof frameworks

/** What IdentSphere runs in. */
export interface Host {
  framework: Framework
  /** Path that the router is mounted at, '' for the root. */
  mount: string
  /** Whether the host parses JSON and forms for all its routes, in front of the router or behind it. */
  parser: 'none' | 'before' | 'after'
  /** Connections of the Knex instance that the host hands over; undefined where it gives the URL. */
  pool: number | undefined
}

/** The host of this run, from `IDENTSPHERE_TEST_HOST`, e.g. `express4 mount=/identity parser=before pool=1`. */
export const hostOfThisRun = parseHost(process.env.IDENTSPHERE_TEST_HOST ?? '')

export function parseHost(text: string): Host {
  const host: Host = { framework: 'express5', mount: '', parser: 'none', pool: undefined }
  for (const word of text.split(' ').filter(Boolean)) {
    const [key, value = ''] = word.split('=')
    if (word in frameworks) host.framework = word as Framework
    else if (key === 'mount' && /^(\/\w+)*\/?$/.test(value)) host.mount = value === '/' ? '' : value
    else if (key === 'parser' && ['none', 'before', 'after'].includes(value)) host.parser = value as Host['parser']
    else if (key === 'pool' && /^[1-9]\d*$/.test(value)) host.pool = Number(value)
    else throw new Error(`IDENTSPHERE_TEST_HOST: ${word} is nothing that a host has`)
  }
  return host
}

const absent = {
  'trust proxy': hostOfThisRun.framework === 'connect' && 'bare Connect has no req.ip: the client is who connects',
  'a second connection':
    hostOfThisRun.pool === 1 && 'of two requests that wait for each other, one has the only connection',
  'an unread body': hostOfThisRun.parser === 'before' && "the host's parser in front decides what it reads",
} as const

/** For the option `skip` of tests that need what not every host has: why this run's host has not, or false. */
export function needs(what: keyof typeof absent): string | false {
  return absent[what]
}

/** What a host consists of, in the order in which requests meet it. */
export interface Parts {
  /** Settings and middleware in front of the router. */
  before?: ((app: Express) => void) | undefined
  router: Middleware
  /** The host's routes. */
  routes?: ((app: Express) => void) | undefined
  /** Path below which those routes are; '' for the root. */
  routesAt?: string
}

/** A host of its framework. In bare Connect, what comes before the router and after it is in an Express app of its own. */
export function buildHost({ framework, mount, parser }: Omit<Host, 'pool'>, parts: Parts): RequestListener {
  const { before, router, routes, routesAt = '' } = parts
  const make = framework === 'connect' ? express : frameworks[framework]
  const parsers = [make.json(), make.urlencoded({ extended: true })]
  const app = frameworks[framework]()
  const use = (path: string, middleware: Middleware) => void (app as Express).use(path || '/', middleware)

  if (parser === 'before') for (const parse of parsers) use('', parse as never)
  if (before !== undefined) {
    const ahead = isExpress(app) ? app : make()
    before(ahead)
    if (ahead !== app) use('', leavingNothing(ahead))
  }
  use(mount, router)
  if (parser === 'after') for (const parse of parsers) use('', parse as never)
  if (routes !== undefined) {
    const behind = isExpress(app) && routesAt === '' ? app : make()
    routes(behind)
    if (behind !== app) use(routesAt, behind as never)
  }
  if (parser === 'before') app.use(refuse as never)
  return app
}

/** As hosts do: what their own parser refuses is theirs to answer. */
function refuse(error: { status?: number }, _request: unknown, response: ServerResponse, _next: unknown): void {
  response.statusCode = error.status ?? 500
  response.end()
}

function isExpress(app: Express | connect.Server): app is Express {
  return 'set' in app
}

/** Express gives requests and answers its own prototypes. Behind this they are bare again. */
function leavingNothing(app: Express): Middleware {
  return (request, response, next) => {
    const before = [request, response].map((object) => Object.getPrototypeOf(object))
    const run = app as unknown as Middleware
    run(request, response, (error) => {
      Object.setPrototypeOf(request, before[0])
      Object.setPrototypeOf(response, before[1])
      next(error)
    })
  }
}
