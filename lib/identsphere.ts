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

/** One instance, as `createIdentSphere()` returns it. */
export interface IdentSphere extends Guards, Omit<Members, 'csrfTokenOf'> {
  /** Router with all routes. Other requests go to `next()` unchanged. */
  router(): Middleware
  /** One router per feature, on the same paths. */
  readonly routers: Readonly<Record<FeatureName, () => Middleware>>
  /** For the host's own server code. It checks no permissions: authorize the caller first. */
  readonly api: Api
  /** The signed-in user of a guarded request. @throws Error if no guard ran before this handler */
  auth(request: IncomingMessage): Auth
  /** The same, or null without a session. @throws Error if no guard ran before this handler */
  authOrNull(request: IncomingMessage): Auth | null
  /**
   * The CSRF token of the guarded session, for the hidden field `_csrf` of a form. A session with a bearer token needs none.
   *
   * @throws Error if no guard ran before this handler, or if the request has no session
   */
  csrfToken(request: IncomingMessage): string
  /** Applies pending migrations. Any number of processes may call it at the same time. */
  migrate(): Promise<void>
  /** Opens the database, checks schema and clock, and starts the worker. The first request does the same. */
  ready(): Promise<void>
  /**
   * Runs the background work in this process until `close()`. For `worker: 'external'`. `npx identsphere worker` calls it.
   *
   * @throws ConfigurationError in development without a mailer, because only the application can show the mailbox page
   */
  startWorker(): Promise<void>
  /** Waits for running jobs, then closes everything that IdentSphere opened. A Knex instance of the host stays open. */
  close(): Promise<void>
}

/** {@link IdentSphere} with its parts, for tests and tools. @internal */
export interface BuiltIdentSphere extends IdentSphere {
  readonly routes: readonly Route[]
  readonly store: Store
  readonly worker: Worker
  /** Captured mail in development without a mailer, or null. */
  readonly mailbox: Mailbox | null
  readonly assembly: Assembly
  serviceOf<F extends AnyFeature>(feature: F): ServiceOf<F>
}

/**
 * Creates an instance from options and the environment. It opens nothing before `ready()` or the first request.
 *
 * @throws ConfigurationError that names the invalid setting and the fix
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

/** {@link createIdentSphere} with a given environment and clock. @internal */
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

/** The instance without its internal parts. @internal */
export function publicPart(built: BuiltIdentSphere): IdentSphere {
  const { routes, store, worker, mailbox, assembly, serviceOf, ...identsphere } = built
  return identsphere
}
