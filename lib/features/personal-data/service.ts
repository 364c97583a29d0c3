import type { Auth } from '../../core/auth.js'
import type { RequestContext } from '../../core/context.js'
import { IdentSphereError } from '../../core/errors.js'
import type { Journal } from '../../core/journal/journal.js'
import type { PersonalData } from '../../core/personal-data.js'
import type { Store } from '../../core/store/store.js'
import { anonymise, exportProfile } from '../users/repository.js'

/** The person's own right to see and to erase everything. Every room says itself what it holds. */
export function createPersonalDataRights(options: { store: Store; journal: Journal; rooms: readonly PersonalData[] }) {
  const { store, journal, rooms } = options

  /** Whoever acts as somebody else may not take that person's data, nor the person. */
  function assertOwnSession(auth: Auth): void {
    if (auth.impersonatorId !== null) throw new IdentSphereError('forbidden')
  }

  return {
    async exportUser(auth: Auth): Promise<Record<string, unknown>> {
      assertOwnSession(auth)
      const parts: Array<[string, unknown]> = [['profile', await exportProfile(store, auth.userId)]]
      for (const room of rooms) parts.push([room.name, await room.exportUser(store, auth.userId)])
      return Object.fromEntries(parts)
    },

    /**
     * Erases the person in one transaction. The row of the account stays without anything personal in it, so that foreign keys
     * of the host hold.
     *
     * @throws IdentSphereError `conflict` for the only owner of an organisation with other members
     */
    async eraseUser(auth: Auth, context: RequestContext): Promise<void> {
      assertOwnSession(auth)
      const { userId } = auth
      await store.transaction(async (tx) => {
        // First, because it still knows where to tell the person, and under which key.
        await journal.record(tx, 'users.deleted', {
          actorId: userId,
          resource: { type: 'user', id: userId },
          context,
        })
        if (!(await anonymise(tx, userId))) throw new IdentSphereError('authentication_required')
        for (const room of rooms) await room.eraseUser(tx, userId)
      })
    },
  }
}

export type PersonalDataRights = ReturnType<typeof createPersonalDataRights>
