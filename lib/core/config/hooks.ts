import type { Knex } from 'knex'

/** A database transaction that a `before…` hook of the host gets: a Knex transaction on IdentSphere's connection. */
export type HookTransaction = Knex.Transaction

/** What an `on…` hook gets. Ids and facts, never secrets. */
export interface EventFacts {
  /** The audit action, e.g. `auth.login`. */
  action: string
  actorId: string | null
  organizationId: string | null
  /** What was acted on, e.g. `{ type: 'session', id: '…' }`. */
  resource: { type: string; id: string } | null
  data: Readonly<Record<string, unknown>>
}

/** A hook that runs after the commit. What it throws goes to the logger. */
export type EventHook = (facts: EventFacts) => Promise<void> | void

/** Hooks that run after the commit, and can break nothing. */
export interface EventHooks {
  onRegister?: EventHook
  onSignIn?: EventHook
  onSignOut?: EventHook
  onPasswordChanged?: EventHook
  onSessionRevoked?: EventHook
  onRefreshReused?: EventHook
}

/** `before…` hooks belong to the feature that calls them. */
export type Hooks = EventHooks
