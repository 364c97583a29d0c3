import type { Knex } from 'knex'

/** The transaction that a `before…` hook receives. It is a Knex transaction on IdentSphere's connection. */
export type HookTransaction = Knex.Transaction

/** Facts for an `on…` hook. They contain no secrets. */
export interface EventFacts {
  /** The audit action, e.g. `auth.login`. */
  action: string
  actorId: string | null
  organizationId: string | null
  /** The changed resource, e.g. `{ type: 'session', id: '…' }`. */
  resource: { type: string; id: string } | null
  data: Readonly<Record<string, unknown>>
}

/** A hook that runs after the commit. Its errors are logged and change nothing. */
export type EventHook = (facts: EventFacts) => Promise<void> | void

export interface EventHooks {
  onRegister?: EventHook
  onSignIn?: EventHook
  onSignOut?: EventHook
  onPasswordChanged?: EventHook
  onSessionRevoked?: EventHook
  onRefreshReused?: EventHook
}

/** The features that call `before…` hooks define them. */
export type Hooks = EventHooks
