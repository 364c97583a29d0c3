import type { Clock } from './config/clock.js'
import { type CoreOptions, coreSettings, parseAllOptions } from './config/options.js'
import type { CoreSettings } from './config/settings.js'
import type { AnyFeature, OpenFeature } from './feature.js'
import { type OpenFoundation, openFoundation } from './foundation.js'
import { createCors } from './http/cors.js'
import { createGuards, type Guards } from './http/guard.js'
import type { Identity } from './http/identity.js'
import { createMountCheck } from './http/mount.js'
import { createResponder } from './http/respond.js'
import type { Route } from './http/route.js'
import { createRouter, type Middleware } from './http/router.js'
import { createWorker, type Job, type Worker } from './jobs/worker.js'
import { journalPersonalData } from './journal/personal-data.js'
import { journalSweeps } from './journal/sweeps.js'
import { createMailJob } from './mail/job.js'
import { mailSweeps } from './mail/sweeps.js'
import { personalData } from './personal-data.js'
import { translateError } from './store/database-errors.js'
import { budgetSweeps } from './store/sweeps.js'

/** All features after they were opened. */
export interface Assembly {
  readonly foundation: OpenFoundation
  readonly routes: readonly Route[]
  /** The routes of one feature. */
  routesOf(name: string): readonly Route[]
  router(): Middleware
  /** One router per feature that has routes, by the feature's name. */
  readonly routers: Readonly<Record<string, () => Middleware>>
  readonly guards: Guards
  /** Guards for the host's routes, by their public names. */
  readonly publicGuards: Readonly<Record<string, (...given: never[]) => Middleware>>
  readonly api: object
  /** Members that features add to the `IdentSphere` instance. */
  readonly members: object
  readonly worker: Worker
  /** The service of a feature. @throws Error if the feature is not in the list */
  serviceOf(feature: AnyFeature): unknown
  /** Stops the worker, then closes mail, the features in reverse order, and the database. */
  close(): Promise<void>
}

/** Settings of the core, and of each feature by its name. */
export interface AllSettings {
  readonly core: CoreSettings
  readonly features: Readonly<Record<string, unknown>>
}

/**
 * Makes settings from the host's options and the environment.
 *
 * @throws ConfigurationError that names the invalid setting and the fix
 */
export function loadSettings(
  features: readonly AnyFeature[],
  options: CoreOptions,
  environment: NodeJS.ProcessEnv,
): AllSettings {
  const definitions = features.flatMap(({ options: definition }) => definition ?? [])
  const values = parseAllOptions(definitions, options, environment)
  const core = coreSettings(values as never, options, environment)
  const resolved = features.map(({ name, options: definition }) => {
    if (definition === undefined) return [name, undefined]
    const own = Object.fromEntries(Object.keys(definition.fields).map((path) => [path, values[path]]))
    return [name, deepFreeze(definition.resolve(own, core))]
  })
  return { core, features: Object.fromEntries(resolved) }
}

/**
 * Opens the features in order and passes each one the services that it needs.
 *
 * @throws Error if a feature needs a later feature, or if two features declare the same name, table, cookie or action
 */
export function assemble(features: readonly AnyFeature[], settings: AllSettings, clock: Clock): Assembly {
  assertDistinct(features)
  const foundation = openFoundation(
    settings.core,
    {
      cookies: Object.assign({}, ...features.map(({ cookies }) => cookies)),
      keyPurposes: features.flatMap(({ keyPurposes = [] }) => keyPurposes),
      sealedTables: features.flatMap(({ sealedTables = [] }) => sealedTables),
    },
    clock,
  )
  const opened = openInOrder(features, foundation, settings)
  const { collected, logger, keys, cookies } = foundation
  const parts = [...opened.values()]
  collected.add(parts.flatMap(({ personalData: own }) => (own === undefined ? [] : [personalData.of(own)])))
  collected.add([personalData.of(journalPersonalData(keys))])
  collected.complete()

  const worker = createWorker([...coreJobs(foundation), ...parts.flatMap(({ jobs = [] }) => jobs)], logger)
  foundation.onMail = () => worker.wake('mail')
  const responder = createResponder({ cookies, logger, translate: translateError })
  const identity = onlyIdentity(parts)
  const guards = createGuards({ identity, responder, mountPath: settings.core.mountPath })
  const router = {
    cookies,
    responder,
    cors: createCors(settings.core.isOwnOrigin),
    isOwnOrigin: settings.core.isOwnOrigin,
    foreignOrigin: foundation.foreignOrigin,
    identity,
    ready: foundation.ready,
    checkMount: createMountCheck(settings.core.mountPath, logger),
  }
  const byFeature = features.map((feature) => [feature.name, opened.get(feature)?.routes?.() ?? []] as const)
  const routes = byFeature.flatMap(([, own]) => own)
  const declarations = Object.entries(Object.assign({}, ...parts.map(({ guards: own }) => own)))

  return {
    foundation,
    routes,
    routesOf: (name) => byFeature.find(([feature]) => feature === name)?.[1] ?? [],
    router: () => createRouter(routes, router),
    routers: Object.fromEntries(
      byFeature.filter(([, own]) => own.length > 0).map(([name, own]) => [name, () => createRouter(own, router)]),
    ),
    guards,
    publicGuards: Object.fromEntries(
      declarations.map(([name, declare]) => [
        name,
        (...given: never[]) => guards.middleware((declare as (...given: never[]) => never)(...given)),
      ]),
    ),
    api: Object.freeze(Object.assign({}, ...parts.map(({ api }) => api))),
    members: Object.assign({}, ...parts.map(({ members }) => members)),
    worker,
    serviceOf(feature) {
      const part = opened.get(feature)
      if (part === undefined) throw new Error(`${feature.name} is not in lib/features.ts`)
      return part.service
    },
    async close() {
      await worker.close()
      await settings.core.mailer?.transport.close()
      for (const part of parts.toReversed()) await part.close?.()
      await foundation.database.close()
    },
  }
}

/** Freezes settings and the plain objects in them. Parsing has copied the values, so the host's objects stay unfrozen. */
function deepFreeze<T>(settings: T): T {
  if (typeof settings !== 'object' || settings === null || Object.isFrozen(settings)) return settings
  const prototype = Object.getPrototypeOf(settings)
  if (prototype !== Object.prototype && prototype !== Array.prototype) return settings
  for (const member of Object.values(settings)) deepFreeze(member)
  return Object.freeze(settings)
}

function openInOrder(
  features: readonly AnyFeature[],
  foundation: OpenFoundation,
  settings: AllSettings,
): ReadonlyMap<AnyFeature, OpenFeature<unknown>> {
  const opened = new Map<AnyFeature, OpenFeature<unknown>>()
  for (const feature of features) {
    const services = Object.entries((feature.needs ?? {}) as Record<string, AnyFeature>).map(([name, needed]) => {
      const part = opened.get(needed)
      if (part === undefined) {
        throw new Error(`${feature.name} needs ${needed.name}: list it earlier in lib/features.ts`)
      }
      return [name, part.service]
    })
    const part = feature.open(foundation, Object.fromEntries(services), settings.features[feature.name])
    foundation.collected.add(part.contributes ?? [])
    opened.set(feature, part)
  }
  return opened
}

function coreJobs(foundation: OpenFoundation): Job[] {
  const { store, mailQueue: queue, clock, logger, contributions } = foundation
  const { mailer, publicBaseUrl } = foundation.settings
  const sweeps = [...budgetSweeps(store), ...journalSweeps(store), ...mailSweeps(store)]
  if (mailer === null) return sweeps
  return [
    createMailJob({ store, clock, queue, ...mailer, contributions, domain: publicBaseUrl.hostname, logger }),
    ...sweeps,
  ]
}

function onlyIdentity(parts: ReadonlyArray<OpenFeature<unknown>>): Identity {
  const [identity, ...others] = parts.flatMap((part) => part.identity ?? [])
  if (identity === undefined || others.length > 0) throw new Error('exactly one feature must provide `identity`')
  return identity
}

function assertDistinct(features: readonly AnyFeature[]): void {
  const declared = {
    name: features.map(({ name }) => name),
    table: features.flatMap(({ tables = [] }) => tables),
    cookie: features.flatMap(({ cookies = {} }) => Object.keys(cookies)),
    action: features.flatMap(({ actions = {} }) => Object.keys(actions)),
  }
  for (const [kind, names] of Object.entries(declared)) {
    const twice = names.find((name, index) => names.indexOf(name) !== index)
    if (twice !== undefined) throw new Error(`two features declare the ${kind} ${twice}`)
  }
}
