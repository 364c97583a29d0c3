import type { OptionsDefinition } from './config/define-options.js'
import type { Contribution } from './extension-point.js'
import type { Foundation } from './foundation.js'
import type { CookieAttributes } from './http/cookies.js'
import type { GuardDeclaration } from './http/guard.js'
import type { Identity } from './http/identity.js'
import type { Route } from './http/route.js'
import type { Job } from './jobs/worker.js'
import type { Action } from './journal/actions.js'
import type { PersonalData } from './personal-data.js'

/** One capability: a folder in `lib/features/` and one line in `lib/features.ts`. */
export interface Feature<Service, Needs extends FeatureNeeds, Settings> {
  /** Name in camel case. The feature's router is `identsphere.routers.<name>()`. */
  readonly name: string
  /** Tables that only this feature writes. */
  readonly tables?: readonly string[]
  /** Tables of other features that its SQL reads. */
  readonly reads?: readonly string[]
  /** Tables with a column `key_version`. Their rows are readable only with the root secret of that version. */
  readonly sealedTables?: readonly string[]
  /** Earlier features whose services it uses. `open()` receives no other service. */
  readonly needs?: Needs
  /** Cookies that it sets, by the name after `identsphere_`. */
  readonly cookies?: Readonly<Record<string, CookieAttributes>>
  /** Purposes for which it derives keys from the root secrets. */
  readonly keyPurposes?: readonly string[]
  /** Actions that it records in the journal. */
  readonly actions?: Readonly<Record<string, Action>>
  readonly options?: OptionsDefinition<Settings>
  /** Creates the feature. It opens no connection and starts nothing. */
  open(foundation: Foundation, services: ServicesOf<Needs>, settings: Settings): OpenFeature<Service>
}

/** Needed features by the names under which `open()` receives their services. */
export type FeatureNeeds = Readonly<Record<string, AnyFeature>>

// biome-ignore lint/suspicious/noExplicitAny: lists hold features with any service and any settings
export type AnyFeature = Feature<any, any, any>

/** The service that a feature gives to later features. */
export type ServiceOf<F> = F extends Feature<infer Service, infer _Needs, infer _Settings> ? Service : never

export type ServicesOf<Needs extends FeatureNeeds> = { readonly [Name in keyof Needs]: ServiceOf<Needs[Name]> }

/** The parts of an open feature. Only the service is required. */
export interface OpenFeature<Service> {
  /** For later features in the list only. */
  readonly service: Service
  /** Called once, after all features are open. Contributions can be read then. */
  routes?(): readonly Route[]
  /** Guards for the host's routes, by their public names. */
  readonly guards?: Readonly<Record<string, (...given: never) => GuardDeclaration>>
  /** Members of `identsphere.api`. */
  readonly api?: object
  /** Members of the `IdentSphere` instance, e.g. `authenticate`. */
  readonly members?: object
  /** Identifies the caller of a request. Exactly one feature provides it. */
  readonly identity?: Identity
  readonly jobs?: readonly Job[]
  readonly personalData?: PersonalData
  readonly contributes?: readonly Contribution[]
  /** Stops the feature. Features are closed in the reverse order of the list. */
  close?(): Promise<void>
}

/** Declares a feature. See `docs/architecture.md`. */
export function defineFeature<Service, Needs extends FeatureNeeds = Record<never, never>, Settings = undefined>(
  feature: Feature<Service, Needs, Settings>,
): Feature<Service, Needs, Settings> {
  return feature
}
