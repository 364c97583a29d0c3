import type { EventHooks } from '../config/hooks.js'
import type { NoticeName } from '../mail/templates.js'

/** Names of webhook events. They are part of the public contract. */
export type EventName =
  | 'user.registered'
  | 'user.updated'
  | 'user.email_verified'
  | 'user.deleted'
  | 'user.password_changed'
  | 'session.revoked'
  | 'session.reuse_detected'
  | 'organization.created'
  | 'member.added'
  | 'member.role_changed'
  | 'member.removed'
  | 'mfa.enabled'
  | 'mfa.disabled'
  | 'passkey.added'
  | 'passkey.removed'

/** Effects of an action besides its audit row. */
export interface ActionEffects {
  /** Webhook event. */
  readonly event?: EventName
  /** Mail to the user that the entry is about. */
  readonly notice?: NoticeName
  /** Hook of the host, called after the commit. */
  readonly hook?: keyof EventHooks
}

/** An action that the journal records. Its name is part of the public contract: audit rows, filters and exports use it. */
export interface Action extends ActionEffects {
  readonly name: string
}

/**
 * Declares the actions of a feature by name.
 *
 * @example
 * ```ts
 * export const actions = defineActions({ 'users.updated': { event: 'user.updated' } })
 * await journal.record(tx, actions['users.updated'], facts)
 * ```
 */
export function defineActions<Name extends string>(
  effects: Readonly<Record<Name, ActionEffects>>,
): { readonly [N in Name]: Action } {
  const actions = Object.entries<ActionEffects>(effects).map(([name, effect]) => [
    name,
    Object.freeze({ ...effect, name }),
  ])
  return Object.freeze(Object.fromEntries(actions))
}
