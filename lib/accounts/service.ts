import type { Auth } from '../http/auth.js'
import type { RequestContext } from '../http/context.js'
import { IdentSphereError } from '../http/errors.js'
import type { Journal } from '../journal/journal.js'
import type { Executor, Store, Tx } from '../store/store.js'
import {
  credentialsByEmail,
  credentialsById,
  findProfile,
  findUser,
  insertUser,
  moveSecurityVersion,
  type ProfileChange,
  type ProfileRow,
  replacePassword,
  type UserCredentials,
  updateProfile,
  upgradePasswordHash,
} from './repository.js'

export type { ProfileChange, ProfileRow, UserCredentials } from './repository.js'

export function createAccounts(options: { store: Store; journal: Journal }) {
  const { store, journal } = options
  return {
    credentialsByEmail: (db: Executor, email: string) => credentialsByEmail(db, email),
    credentialsById: (db: Executor, id: string) => credentialsById(db, id),

    /** @throws IdentSphereError `conflict` where the address is taken */
    async insert(
      tx: Tx,
      user: { id: string; email: string; displayName: string | null; passwordHash: string | null },
    ): Promise<void> {
      if (await insertUser(tx, user)) return
      throw new IdentSphereError('conflict', {
        message: 'This e-mail address is taken.',
        details: [{ path: 'email', message: 'is taken' }],
      })
    },

    /** @throws IdentSphereError `conflict` where the account changed since it was read */
    async replacePassword(tx: Tx, user: UserCredentials, passwordHash: string): Promise<void> {
      const replaced = await replacePassword(tx, { id: user.id, securityVersion: user.security_version }, passwordHash)
      if (!replaced) throw new IdentSphereError('conflict', { message: 'The account has just been changed.' })
    },

    upgradePasswordHash: (tx: Tx, userId: string, from: string, to: string) =>
      upgradePasswordHash(tx, userId, from, to),

    /** Whether there is such a user, signed in or not. */
    exists: async (db: Executor, userId: string) => (await findUser(db, { id: userId })) !== undefined,

    moveSecurityVersion: (tx: Tx, userId: string) => moveSecurityVersion(tx, userId),

    async profile(userId: string): Promise<ProfileRow> {
      const row = await findProfile(store, userId)
      if (row === undefined) throw new IdentSphereError('authentication_required')
      return row
    },

    async updateProfile(auth: Auth, change: ProfileChange, context: RequestContext): Promise<ProfileRow> {
      return store.transaction(async (tx) => {
        const row = await updateProfile(tx, auth.userId, change)
        if (row === undefined) throw new IdentSphereError('authentication_required')
        await journal.record(tx, 'users.updated', {
          actorId: auth.userId,
          impersonatorId: auth.impersonatorId,
          organizationId: auth.organizationId,
          resource: { type: 'user', id: auth.userId },
          data: { fields: Object.keys(change).sort().join(',') },
          context,
        })
        return row
      })
    },
  }
}

export type Accounts = ReturnType<typeof createAccounts>
