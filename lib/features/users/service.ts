import type { Auth } from '../../core/auth.js'
import type { RequestContext } from '../../core/context.js'
import { IdentSphereError } from '../../core/errors.js'
import type { Journal } from '../../core/journal/journal.js'
import type { UserMailbox } from '../../core/mail/message.js'
import type { Executor, Store, Tx } from '../../core/store/store.js'
import {
  addressOf,
  changeEmail,
  credentialsByEmail,
  credentialsById,
  findProfile,
  findUser,
  insertUser,
  isEmailTaken,
  markVerified,
  moveSecurityVersion,
  type ProfileChange,
  type ProfileRow,
  replacePassword,
  restoreEmail,
  takeOver,
  type UserCredentials,
  updateProfile,
  upgradePasswordHash,
} from './repository.js'

export type { ProfileChange, ProfileRow, UserCredentials } from './repository.js'

export function createAccounts(options: { store: Store; journal: Journal }) {
  const { store, journal } = options
  return {
    credentialsByEmail,
    credentialsById,
    isEmailTaken,
    upgradePasswordHash,
    moveSecurityVersion,

    /** Where mail to this user goes, and whether it was ever proven to be theirs; or null. */
    async recipient(db: Executor, userId: string): Promise<{ to: UserMailbox; isProven: boolean } | null> {
      const row = await addressOf(db, userId)
      return row === undefined ? null : { to: { userId, email: row.email }, isProven: row.is_proven }
    },

    /** @throws IdentSphereError `conflict` where the address is taken */
    async insert(
      tx: Tx,
      user: { id: string; email: string; displayName: string | null; passwordHash: string | null },
    ): Promise<void> {
      if (await insertUser(tx, user)) return
      throw emailTaken()
    },

    /** @throws IdentSphereError `conflict` where the account changed since it was read */
    async replacePassword(tx: Tx, user: UserCredentials, passwordHash: string): Promise<void> {
      const replaced = await replacePassword(tx, { id: user.id, securityVersion: user.security_version }, passwordHash)
      if (!replaced) throw justChanged()
    },

    /** @throws IdentSphereError `invalid_credentials` where the account has another address by now */
    async markVerified(tx: Tx, userId: string, email: string): Promise<void> {
      if (!(await markVerified(tx, userId, email))) throw new IdentSphereError('invalid_credentials')
    },

    /** @returns the new security version @throws IdentSphereError `conflict` where the account has just been changed */
    async takeOver(tx: Tx, user: UserCredentials): Promise<number> {
      const version = await takeOver(tx, { id: user.id, securityVersion: user.security_version })
      if (version === undefined) throw justChanged()
      return version
    },

    /** @throws IdentSphereError `conflict` where the address is taken, `invalid_credentials` where the account has changed */
    async changeEmail(tx: Tx, user: { id: string; securityVersion: number }, email: string): Promise<void> {
      const changed = await refusingTaken(() => changeEmail(tx, user, email))
      if (!changed) throw new IdentSphereError('invalid_credentials')
    },

    /** @returns the new security version @throws IdentSphereError `conflict` where the address is taken by now */
    async restoreEmail(tx: Tx, userId: string, email: string): Promise<number> {
      const row = await refusingTaken(() => restoreEmail(tx, userId, email))
      if (row === undefined) throw new IdentSphereError('invalid_credentials')
      return row.security_version
    },

    /** Whether there is such a user, signed in or not. */
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

function justChanged(): IdentSphereError {
  return new IdentSphereError('conflict', { message: 'The account has just been changed.' })
}

export function emailTaken(): IdentSphereError {
  return new IdentSphereError('conflict', {
    message: 'This e-mail address is taken.',
    details: [{ path: 'email', message: 'is taken' }],
  })
}

/** @throws IdentSphereError `conflict` in place of a violation of the unique address */
async function refusingTaken<T>(change: () => Promise<T>): Promise<T> {
  try {
    return await change()
  } catch (error) {
    if ((error as { code?: unknown }).code !== '23505') throw error
    throw new IdentSphereError('conflict', { message: 'This e-mail address is taken.' })
  }
}

export type Accounts = ReturnType<typeof createAccounts>
