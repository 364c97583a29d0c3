import type { Notify } from '../../features/email/notices.js'
import type { Logger } from '../config/logger.js'
import type { Hooks } from '../config/options.js'
import type { RequestContext } from '../context.js'
import type { KeyRing } from '../crypto/key-ring.js'
import { uuidv7 } from '../crypto/random.js'
import { seal } from '../crypto/sealing.js'
import type { Tx } from '../store/store.js'
import { type Action, announcementOf } from './catalogue.js'
import { nobody, subjectKey } from './subject-keys.js'

/** What happened. Ids and facts only: secrets never, personal fields only in `email` and `context`. */
export interface JournalFacts {
  /** Who did it; null for the system or a stranger. */
  actorId: string | null
  impersonatorId?: string | null
  organizationId?: string | null
  /** Whose personal fields the row holds. Default: the actor. */
  subjectId?: string | null
  resource?: { type: string; id: string }
  status?: 'success' | 'failure'
  /** Goes into the audit row, the event and the hook. */
  data?: Readonly<Record<string, string | number | boolean | null>>
  /** Sealed into the audit row. */
  email?: string
  context: RequestContext
}

/** How rooms tell the world that something happened: audit row, webhook event, notice mail and the host's `on…` hook. */
export interface Journal {
  /** Writes with the change itself, in its transaction; the hook runs after the commit. */
  record(tx: Tx, action: Action, facts: JournalFacts): Promise<void>
}

export function createJournal(options: { keys: KeyRing; hooks: Hooks; notify: Notify; logger: Logger }): Journal {
  const { keys, hooks, notify, logger } = options

  /** A call of the host's hook for this action, or undefined where it has none. */
  function hookCall(action: Action, facts: JournalFacts): (() => void) | undefined {
    const { hook } = announcementOf(action)
    const call = hook === undefined ? undefined : hooks[hook]
    if (call === undefined) return undefined
    return () =>
      void Promise.resolve()
        .then(() =>
          call({
            action,
            actorId: facts.actorId,
            organizationId: facts.organizationId ?? null,
            resource: facts.resource ?? null,
            data: facts.data ?? {},
          }),
        )
        .catch((error: unknown) => logger.error({ err: error, hook }, 'a hook of the host failed'))
  }

  return {
    async record(tx, action, facts) {
      const id = uuidv7()
      const subjectId = facts.subjectId ?? facts.actorId ?? nobody
      const key = await subjectKey(tx, keys, subjectId)
      const personal = {
        ip_address: facts.context.ipAddress,
        user_agent: facts.context.userAgent,
        ...(facts.email === undefined ? {} : { email: facts.email }),
      }
      const { event, notice } = announcementOf(action)
      const now = tx.now
      await tx.table('audit_logs').insert({
        id,
        organization_id: facts.organizationId ?? null,
        actor_id: facts.actorId,
        impersonator_id: facts.impersonatorId ?? null,
        actor_type: facts.actorId === null ? 'system' : 'user',
        action,
        resource_type: facts.resource?.type ?? null,
        resource_id: facts.resource?.id ?? null,
        status: facts.status ?? 'success',
        metadata: JSON.stringify(facts.data ?? {}),
        subject_id: subjectId,
        sealed_personal: seal(key, JSON.stringify(personal), `audit_logs.sealed_personal:${id}`),
        request_id: facts.context.requestId,
        created_at: now,
      })
      if (event !== undefined) {
        await tx.table('webhook_events').insert({
          id,
          event,
          organization_id: facts.organizationId ?? null,
          payload: JSON.stringify({
            actor_id: facts.actorId,
            ...(facts.resource === undefined ? {} : { [`${facts.resource.type}_id`]: facts.resource.id }),
            ...facts.data,
          }),
          created_at: now,
        })
      }
      if (notice !== undefined && subjectId !== nobody) await notify(tx, notice, subjectId)
      const call = hookCall(action, facts)
      if (call !== undefined) tx.afterCommit(call, { table: 'audit_logs', id })
    },
  }
}
