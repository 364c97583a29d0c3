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

/** One capability: a folder of `lib/features/`, and one line in `lib/features.ts`. */
export interface Feature<Service, Needs extends FeatureNeeds, Settings> {
  /** In camel case. Its router is `identsphere.routers.<name>()`. */
  readonly name: string
  /** Tables that this feature alone writes. */
  readonly tables?: readonly string[]
  /** Tables of earlier features that its SQL reads. */
  readonly reads?: readonly string[]
  /** Tables with a column `key_version` whose rows stay readable only with the root secret that sealed or keyed them. */
  readonly sealedTables?: readonly string[]
  /** Earlier features whose services it uses. A service that is not named here cannot be reached. */
  readonly needs?: Needs
  /** Cookies that it sets, by the name after `identsphere_`. */
  readonly cookies?: Readonly<Record<string, CookieAttributes>>
  /** What it derives keys for from the root secrets. */
  readonly keyPurposes?: readonly string[]
  /** Actions that it records. */
  readonly actions?: Readonly<Record<string, Action>>
  readonly options?: OptionsDefinition<Settings>
  /** Makes the feature. Synchronous: opens no connection and starts nothing. */
  open(foundation: Foundation, services: ServicesOf<Needs>, settings: Settings): OpenFeature<Service>
}

/** Features by the name under which the needing feature gets their services. */
export type FeatureNeeds = Readonly<Record<string, AnyFeature>>

// biome-ignore lint/suspicious/noExplicitAny: a feature of any service and settings, as lists hold them
export type AnyFeature = Feature<any, any, any>

/** The service that a feature gives to features below it. */
export type ServiceOf<F> = F extends Feature<infer Service, infer _Needs, infer _Settings> ? Service : never

export type ServicesOf<Needs extends FeatureNeeds> = { readonly [Name in keyof Needs]: ServiceOf<Needs[Name]> }

/** What an open feature gives. Everything but the service is optional. */
export interface OpenFeature<Service> {
  /** For features below it in the list, and for nothing else. */
  readonly service: Service
  /** Called once, when all features are open and contributions can be read. */
  routes?(): readonly Route[]
  /** Guards of the host, by their public names. */
  readonly guards?: Readonly<Record<string, (...given: never) => GuardDeclaration>>
  /** Members of `identsphere.api`. */
  readonly api?: object
  /** Members of the instance itself, e.g. `authenticate`. */
  readonly members?: object
  /** Says who is asking. Exactly one feature gives it. */
  readonly identity?: Identity
  readonly jobs?: readonly Job[]
  readonly personalData?: PersonalData
  readonly contributes?: readonly Contribution[]
  /** Ends what runs, in the reverse order of the list. */
  close?(): Promise<void>
}

/** Declares a feature. See `docs/architecture.md`. */
export function defineFeature<Service, Needs extends FeatureNeeds = Record<never, never>, Settings = undefined>(
  feature: Feature<Service, Needs, Settings>,
): Feature<Service, Needs, Settings> {
  return feature
}
