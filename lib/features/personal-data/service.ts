import type { Auth } from '../../core/auth.js'
import type { RequestContext } from '../../core/context.js'
import { IdentSphereError } from '../../core/errors.js'
import type { Contributions } from '../../core/extension-point.js'
import { factsOf } from '../../core/journal/facts.js'
import type { Journal } from '../../core/journal/journal.js'
import { personalData } from '../../core/personal-data.js'
import type { Store } from '../../core/store/store.js'
import { actions } from './actions.js'

/** Exports and erases the data of a user. Each feature contributes the handling of its own data. */
export function createPersonalData(deps: { store: Store; journal: Journal; contributions: Contributions }) {
  const { store, journal, contributions } = deps

  /** An impersonated session may neither read nor erase the user's data. */
  function assertOwnSession(auth: Auth): void {
    if (auth.impersonatorId !== null) throw new IdentSphereError('forbidden')
  }

  return {
    async exportUser(auth: Auth): Promise<Record<string, unknown>> {
      assertOwnSession(auth)
      const parts: Array<[string, unknown]> = []
      for (const { name, exportUser } of contributions(personalData)) {
        parts.push([name, await exportUser(store, auth.userId)])
      }
      return Object.fromEntries(parts)
    },

    /**
     * Erases the user in one transaction. The row in `users` is kept without personal data, so that foreign keys of the host stay
     * valid.
     *
     * @throws IdentSphereError `conflict` for the only owner of an organization with other members
     */
    async eraseUser(auth: Auth, context: RequestContext): Promise<void> {
      assertOwnSession(auth)
      const { userId } = auth
      await store.transaction(async (tx) => {
        // Record first: the entry needs the address and the audit key.
        const facts = factsOf(auth, context, { organizationId: null, resource: { type: 'user', id: userId } })
        await journal.record(tx, actions['users.deleted'], facts)
        for (const { eraseUser } of contributions(personalData)) await eraseUser(tx, userId)
      })
    },
  }
}

export type PersonalDataService = ReturnType<typeof createPersonalData>
