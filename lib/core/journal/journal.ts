import type { Hooks } from '../config/hooks.js'
import type { Logger } from '../config/logger.js'
import type { RequestContext } from '../context.js'
import type { KeyRing } from '../crypto/key-ring.js'
import { uuidv7 } from '../crypto/random.js'
import { seal } from '../crypto/sealing.js'
import { type Contributions, extensionPoint } from '../extension-point.js'
import { sql } from '../store/sql.js'
import type { Tx } from '../store/store.js'
import { command, type Query, sendTogether } from '../store/together.js'
import type { Action, EventName } from './actions.js'
import { createSubjectKeys, nobody } from './subject-keys.js'

/** What happened. Ids and facts only: never secrets; personal fields only in `email` and `context`. */
export interface JournalFacts {
  /** The user who did it; null for the system or a stranger. */
  actorId: string | null
  /** The platform admin who acts as that user. */
  impersonatorId?: string | null
  organizationId?: string | null
  /** The user whose personal fields the row holds. Default: the actor. */
  subjectId?: string | null
  resource?: { type: string; id: string }
  status?: 'success' | 'failure'
  /** Goes into the audit row, the event and the hook. */
  data?: Readonly<Record<string, string | number | boolean | null>>
  /** Sealed into the audit row. */
  email?: string
  context: RequestContext
}

/** An entry that was just written. */
export interface JournalEntry {
  readonly action: Action
  readonly facts: JournalFacts
  /** The user that the entry is about; null if it is about no known user. */
  readonly subjectId: string | null
}

/** Reacts to entries in the transaction of the act, e.g. with a mail to the subject. */
export const journalEntries = extensionPoint<(tx: Tx, entry: JournalEntry) => Promise<void>>('journal.entries')

/** Records what happens: audit row, webhook event and the host's `on…` hook. Features react through {@link journalEntries}. */
export interface Journal {
  /**
   * Writes in the transaction of the change. The hook runs after the commit.
   *
   * @param others sent in the same statement
   */
  record(tx: Tx, action: Action, facts: JournalFacts, others?: readonly Query<unknown>[]): Promise<void>
  /**
   * Reads what entries about a subject need, to be sent with other statements. Without it, the first entry of the transaction reads it.
   */
  prepare(tx: Tx, subjectId: string): readonly Query<void>[]
  /** The same for a subject that is made in this transaction. */
  prepareNew(tx: Tx, subjectId: string): Query<void>
}

export function createJournal(deps: {
  keys: KeyRing
  hooks: Hooks
  contributions: Contributions
  logger: Logger
}): Journal {
  const { hooks, contributions, logger } = deps
  const subjectKeys = createSubjectKeys(deps.keys)

  /** A call of the host's hook for this action, or undefined if there is none. */
  function hookCall({ name, hook }: Action, facts: JournalFacts): (() => void) | undefined {
    const call = hook === undefined ? undefined : hooks[hook]
    if (call === undefined) return undefined
    return () =>
      void Promise.resolve()
        .then(() =>
          call({
            action: name,
            actorId: facts.actorId,
            organizationId: facts.organizationId ?? null,
            resource: facts.resource ?? null,
            data: facts.data ?? {},
          }),
        )
        .catch((error: unknown) => logger.error({ err: error, hook }, 'a hook of the host failed'))
  }

  return {
    prepare: subjectKeys.reading,
    prepareNew: subjectKeys.making,

    async record(tx, action, facts, others = []) {
      const id = uuidv7()
      const subjectId = facts.subjectId ?? facts.actorId ?? nobody
      const key = await subjectKeys.of(tx, subjectId)
      const personal = {
        ip_address: facts.context.ipAddress,
        user_agent: facts.context.userAgent,
        ...(facts.email === undefined ? {} : { email: facts.email }),
      }
      const sealed = seal(key, JSON.stringify(personal), `audit_logs.sealed_personal:${id}`)
      await sendTogether(tx, {
        row: [insertRow(tx, { id, action, facts, subjectId, sealed })],
        event: action.event === undefined ? [] : [insertEvent(tx, id, action.event, facts)],
        others,
      })
      const entry = { action, facts, subjectId: subjectId === nobody ? null : subjectId }
      for (const react of contributions(journalEntries)) await react(tx, entry)
      const call = hookCall(action, facts)
      if (call !== undefined) tx.afterCommit(call, { table: 'audit_logs', id })
    },
  }
}

function insertRow(
  tx: Tx,
  row: { id: string; action: Action; facts: JournalFacts; subjectId: string; sealed: Buffer },
): Query<void> {
  const { id, action, facts, subjectId, sealed } = row
  return command(sql`
    INSERT INTO ${tx.table('audit_logs')} (id, organization_id, actor_id, impersonator_id, actor_type, action,
      resource_type, resource_id, status, metadata, subject_id, sealed_personal, request_id, created_at)
    VALUES (${id}, ${facts.organizationId ?? null}, ${facts.actorId}, ${facts.impersonatorId ?? null},
      ${facts.actorId === null ? 'system' : 'user'}, ${action.name}, ${facts.resource?.type ?? null},
      ${facts.resource?.id ?? null}, ${facts.status ?? 'success'}, ${JSON.stringify(facts.data ?? {})}, ${subjectId},
      ${sealed}, ${facts.context.requestId}, ${tx.now})`)
}

function insertEvent(tx: Tx, id: string, event: EventName, facts: JournalFacts): Query<void> {
  const payload = {
    actor_id: facts.actorId,
    ...(facts.resource === undefined ? {} : { [`${facts.resource.type}_id`]: facts.resource.id }),
    ...facts.data,
  }
  return command(sql`
    INSERT INTO ${tx.table('webhook_events')} (id, event, organization_id, payload, created_at)
    VALUES (${id}, ${event}, ${facts.organizationId ?? null}, ${JSON.stringify(payload)}, ${tx.now})`)
}
