import type { IncomingMessage } from 'node:http'
import { type Assembly, assemble, loadSettings } from './core/assemble.js'
import type { Auth } from './core/auth.js'
import { type Clock, systemClock } from './core/config/clock.js'
import type { AnyFeature, ServiceOf } from './core/feature.js'
import type { Route } from './core/http/route.js'
import type { Middleware } from './core/http/router.js'
import type { Worker } from './core/jobs/worker.js'
import { createLifecycle } from './core/lifecycle.js'
import type { Mailbox } from './core/mail/mailbox.js'
import type { Store } from './core/store/store.js'
import { type Api, type FeatureName, features, type Guards, type IdentSphereOptions, type Members } from './features.js'

/** What `createIdentSphere()` returns: routers and guards over one store. */
export interface IdentSphere extends Guards, Omit<Members, 'csrfTokenOf'> {
  /** Every route. Requests that are none of them go on untouched. */
  router(): Middleware
  /** One router for each feature, on the same paths. */
  readonly routers: Readonly<Record<FeatureName, () => Middleware>>
  /** For the host's own server code. It asks nobody for permission: check first who is asking. */
  readonly api: Api
  /** The user that the guard before this handler let pass. @throws Error if there was no guard */
  auth(request: IncomingMessage): Auth
  /** The same, or null without a session. @throws Error if there was no guard */
  authOrNull(request: IncomingMessage): Auth | null
  /**
   * The CSRF token of the guarded session, for the hidden field `_csrf` of a form. A session with a bearer token needs none.
   *
   * @throws Error if there was no guard, or the request has no session
   */
  csrfToken(request: IncomingMessage): string
  /** Brings the schema up to date. Safe from any number of processes at once. */
  migrate(): Promise<void>
  /** Opens the database, checks schema and clock, starts the worker. The first request does it too. */
  ready(): Promise<void>
  /**
   * Runs the background work in this process, which lives until `close()`. For `worker: 'external'`; `npx identsphere worker` calls it.
   *
   * @throws ConfigurationError in development without a mailer: the mailbox page belongs to the application's process
   */
  startWorker(): Promise<void>
  /** Drains, and closes what IdentSphere opened. A Knex instance of the host stays open. */
  close(): Promise<void>
}

/** {@link IdentSphere} with its parts, for tests and tools. @internal */
export interface BuiltIdentSphere extends IdentSphere {
  readonly routes: readonly Route[]
  readonly store: Store
  readonly worker: Worker
  /** The mail that would have been sent, in development without SMTP; else null. */
  readonly mailbox: Mailbox | null
  readonly assembly: Assembly
  serviceOf<F extends AnyFeature>(feature: F): ServiceOf<F>
}

/**
 * Makes an IdentSphere from options and the environment. Synchronous: opens nothing before `ready()` or the first request.
 *
 * @throws ConfigurationError that names the setting at fault and the fix
 * @example
 * ```ts
 * const identsphere = createIdentSphere({ publicBaseUrl: 'https://app.example.com' })
 * app.use(identsphere.router())
 * app.get('/reports', identsphere.requireRole('admin'), (req, res) => res.json(identsphere.auth(req).organizationId))
 * ```
 */
export function createIdentSphere(options: IdentSphereOptions = {}): IdentSphere {
  const built = buildIdentSphere(options, { environment: process.env, clock: systemClock })
  return publicPart(built)
}

/** {@link createIdentSphere} with environment and clock handed in. @internal */
export function buildIdentSphere(
  options: IdentSphereOptions,
  { environment, clock }: { environment: NodeJS.ProcessEnv; clock: Clock },
): BuiltIdentSphere {
  const assembly = assemble(features, loadSettings(features, options, environment), clock)
  const { foundation, guards, routes, worker } = assembly
  const { csrfTokenOf, ...members } = assembly.members as Members
  return {
    router: assembly.router,
    routers: assembly.routers as IdentSphere['routers'],
    ...(assembly.publicGuards as unknown as Guards),
    ...members,
    auth: guards.auth,
    authOrNull: guards.authOrNull,
    csrfToken: (request) => csrfTokenOf(guards.auth(request).sessionId),
    api: assembly.api as Api,
    ...createLifecycle(assembly),
    routes,
    store: foundation.store,
    worker,
    mailbox: foundation.settings.mailer?.mailbox ?? null,
    assembly,
    serviceOf: (feature) => assembly.serviceOf(feature) as never,
  }
}

/** The instance without its parts. @internal */
export function publicPart(built: BuiltIdentSphere): IdentSphere {
  const { routes, store, worker, mailbox, assembly, serviceOf, ...identsphere } = built
  return identsphere
}
