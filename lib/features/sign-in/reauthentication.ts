import type { Auth } from '../../core/auth.js'
import type { RequestContext } from '../../core/context.js'
import { IdentSphereError } from '../../core/errors.js'
import type { Contributions } from '../../core/extension-point.js'
import { factsOf } from '../../core/journal/facts.js'
import type { Journal } from '../../core/journal/journal.js'
import type { Store } from '../../core/store/store.js'
import type { Sessions } from '../sessions/service.js'
import { actions } from './actions.js'
import { reauthenticationMethods } from './extension-points.js'

/** Reauthentication of signed-in users. */
export function createReauthentication(deps: {
  store: Store
  journal: Journal
  sessions: Pick<Sessions, 'renewAuthTime'>
  contributions: Contributions
}) {
  const { store, journal, sessions, contributions } = deps
  return {
    /**
     * Sets `auth_time` to now. The caller then issues new tokens.
     *
     * @param proof exactly one field of a reauthentication method
     * @param purpose one of `sign-in.reauthenticationPurposes`, or null
     * @throws IdentSphereError `invalid_credentials`, `rate_limited`, `authentication_required` if the session has ended
     */
    async reauthenticate(
      auth: Auth,
      proof: Readonly<Record<string, unknown>>,
      purpose: string | null,
      context: RequestContext,
    ): Promise<void> {
      const method = contributions(reauthenticationMethods).find(({ field }) => proof[field] !== undefined)
      if (method === undefined) throw new IdentSphereError('invalid_credentials')
      const proven = await method.prove(auth, proof[method.field] as never, context)
      await store.transaction(async (tx) => {
        await proven.apply(tx)
        await sessions.renewAuthTime(tx, auth.sessionId, purpose)
        await journal.record(
          tx,
          actions['auth.reauthenticated'],
          factsOf(auth, context, { resource: { type: 'session', id: auth.sessionId }, data: { purpose } }),
        )
      })
    },
  }
}

export type Reauthenticator = ReturnType<typeof createReauthentication>
