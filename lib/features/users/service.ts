import type { Auth } from '../../core/auth.js'
import type { RequestContext } from '../../core/context.js'
import { IdentSphereError } from '../../core/errors.js'
import { factsOf } from '../../core/journal/facts.js'
import type { Journal } from '../../core/journal/journal.js'
import type { UserMailbox } from '../../core/mail/message.js'
import type { Executor, Store, Tx } from '../../core/store/store.js'
import { mapped, type Query } from '../../core/store/together.js'
import { actions } from './actions.js'
import {
  addressOf,
  credentialsByEmail,
  credentialsById,
  findProfile,
  findUser,
  insertingUser,
  isEmailTaken,
  markVerified,
  type ProfileChange,
  type ProfileRow,
  updateProfile,
  upgradingPasswordHash,
} from './repository.js'
import type { SecurityChanges } from './security-change.js'

export type { ProfileChange, ProfileRow, UserCredentials } from './repository.js'

export function createUsers(deps: { store: Store; journal: Journal; securityChanges: SecurityChanges }) {
  const { store, journal, securityChanges } = deps
  return {
    credentialsByEmail,
    credentialsById,
    isEmailTaken,
    upgradingPasswordHash,

    /** Makes a security change. */
    changeSecurity: securityChanges.apply,

    /** The user's address, and whether the user has ever verified it. Null if the user does not exist. */
    async recipient(db: Executor, userId: string): Promise<{ to: UserMailbox; isVerified: boolean } | null> {
      const row = await addressOf(db, userId)
      return row === undefined ? null : { to: { userId, email: row.email }, isVerified: row.is_proven }
    },

    /** Inserts a user. The result throws IdentSphereError `conflict` if the address is taken. */
    inserting: (
      tx: Tx,
      user: { id: string; email: string; displayName: string | null; passwordHash: string | null },
    ): Query<void> =>
      mapped(insertingUser(tx, user), (isInserted) => {
        if (!isInserted) throw emailTaken()
      }),

    /** @throws IdentSphereError `invalid_credentials` if the account now has another address */
    async markVerified(tx: Tx, userId: string, email: string): Promise<void> {
      if (!(await markVerified(tx, userId, email))) throw new IdentSphereError('invalid_credentials')
    },

    /** Whether the user exists. Erased users do not. */
    exists: async (db: Executor, userId: string) => (await findUser(db, { id: userId })) !== undefined,

    async profile(userId: string): Promise<ProfileRow> {
      const row = await findProfile(store, userId)
      if (row === undefined) throw new IdentSphereError('authentication_required')
      return row
    },

    async updateProfile(auth: Auth, change: ProfileChange, context: RequestContext): Promise<ProfileRow> {
      return store.transaction(async (tx) => {
        const row = await updateProfile(tx, auth.userId, change)
        if (row === undefined) throw new IdentSphereError('authentication_required')
        await journal.record(
          tx,
          actions['users.updated'],
          factsOf(auth, context, {
            resource: { type: 'user', id: auth.userId },
            data: { fields: Object.keys(change).sort().join(',') },
          }),
        )
        return row
      })
    },
  }
}

export function emailTaken(): IdentSphereError {
  return new IdentSphereError('conflict', {
    message: 'This e-mail address is already in use.',
    details: [{ path: 'email', message: 'is taken' }],
  })
}

/** Translates a violation of the unique address. @throws IdentSphereError `conflict` */
export async function refusingTakenEmail<T>(change: () => Promise<T>): Promise<T> {
  try {
    return await change()
  } catch (error) {
    if ((error as { code?: unknown }).code !== '23505') throw error
    throw new IdentSphereError('conflict', { message: 'This e-mail address is already in use.' })
  }
}

export type Users = ReturnType<typeof createUsers>
