import { z } from 'zod'
import { noRequest } from '../../core/context.js'
import { uuidv7 } from '../../core/crypto/random.js'
import { IdentSphereError } from '../../core/errors.js'
import { plainText } from '../../core/http/fields.js'
import type { Journal } from '../../core/journal/journal.js'
import type { HostCallOptions, HostCalls } from '../../core/store/host-calls.js'
import type { Tx } from '../../core/store/store.js'
import type { Sessions } from '../sessions/service.js'
import { emailAddress, normaliseEmail } from './email-address.js'
import { findUser, importUser, setStatus, type UserRow } from './repository.js'
import { emailTaken } from './service.js'

/** An account, as the host's own code sees it. */
export interface User {
  userId: string
  email: string
  emailVerified: boolean
  displayName: string | null
  /** A disabled user cannot sign in and has no live session. */
  status: 'active' | 'invited' | 'disabled'
  /** The id of another system, from {@link UsersApi.import}. */
  externalId: string | null
  createdAt: Date
  updatedAt: Date
}

/** An account of another system. */
export interface UserImport {
  email: string
  /** Its id there, up to 200 characters. With one, an import may be run again. */
  externalId?: string
  /**
   * Argon2 as a PHC string (up to 256 MiB, 10 passes, 8 lanes), or bcrypt (`$2a$`, `$2b$`, `$2y$`, cost up to 14). It is
   * replaced at the first sign-in. Without one nobody can sign in with a password.
   */
  passwordHash?: string
  /** Default false. */
  emailVerified?: boolean
  /** Up to 200 characters. */
  displayName?: string
}

/** `identsphere.api.users`. Every method throws `IdentSphereError`: `invalid_input`, `service_unavailable`, and what it names. */
export interface UsersApi {
  get(userId: string, options?: HostCallOptions): Promise<User | null>
  findByEmail(email: string, options?: HostCallOptions): Promise<User | null>
  findByExternalId(externalId: string, options?: HostCallOptions): Promise<User | null>
  /**
   * Adds an account of another system. Where its external id is known already, that user is left unchanged and returned,
   * with `created: false`.
   *
   * @throws IdentSphereError `conflict` where somebody else has the address
   */
  import(account: UserImport, options?: HostCallOptions): Promise<{ user: User; created: boolean }>
  /** Ends all sessions at once and lets nobody in. Does nothing to a disabled user. @throws IdentSphereError `not_found` */
  disable(userId: string, options?: HostCallOptions): Promise<void>
  /** Lets a disabled user in again. Does nothing to an active one. @throws IdentSphereError `not_found` */
  enable(userId: string, options?: HostCallOptions): Promise<void>
  /**
   * Takes authenticator app, recovery codes and passkeys away and ends all sessions, for who has lost them or has those of
   * somebody else. Be sure who is asking: the password or the mailbox is enough to sign in from then on.
   *
   * @throws IdentSphereError `not_found`
   */
  removeSecondFactors(userId: string, options?: HostCallOptions): Promise<void>
}

export function usersApi(options: {
  calls: HostCalls
  journal: Journal
  sessions: Sessions
  moveSecurityVersion: (tx: Tx, userId: string) => Promise<number | undefined>
  removeSecondFactors: (tx: Tx, userId: string) => Promise<void>
  canVerify: (passwordHash: string) => boolean
}): UsersApi {
  const { calls, journal, sessions, canVerify } = options
  const byId = z.strictObject({ userId: z.uuid() })
  const account = z.strictObject({
    email: emailAddress,
    externalId: plainText(200).optional(),
    passwordHash: z.string().refine(canVerify, 'is not a hash that could be verified').optional(),
    emailVerified: z.boolean().optional(),
    displayName: plainText(200).optional(),
  })

  /** @returns whether this call changed it */
  async function changeStatus(
    tx: Tx,
    userId: string,
    from: 'active' | 'disabled',
    to: 'active' | 'disabled',
  ): Promise<boolean> {
    if (await setStatus(tx, userId, from, to)) return true
    const user = await findUser(tx, { id: userId })
    if (user === undefined) throw new IdentSphereError('not_found', { message: 'There is no such user.' })
    if (user.status === to) return false
    throw new IdentSphereError('conflict', { message: `The user is ${user.status}.` })
  }

  const facts = (userId: string) => ({
    actorId: null,
    subjectId: userId,
    resource: { type: 'user', id: userId },
    context: noRequest(),
  })

  return {
    get: (userId, given) =>
      calls.read(byId, { userId }, given, async (db, input) => describe(await findUser(db, { id: input.userId }))),

    findByEmail: (email, given) =>
      calls.read(z.strictObject({ email: z.string() }), { email }, given, async (db, input) => {
        const normal = normaliseEmail(input.email)
        return normal === null ? null : describe(await findUser(db, { email: normal }))
      }),

    findByExternalId: (externalId, given) =>
      calls.read(z.strictObject({ externalId: plainText(200) }), { externalId }, given, async (db, input) =>
        describe(await findUser(db, input)),
      ),

    import: (given, callOptions) =>
      calls.write(account, given, callOptions, async (tx, input) => {
        const { externalId = null } = input
        const row = await importUser(tx, {
          id: uuidv7(),
          email: input.email,
          emailVerified: input.emailVerified ?? false,
          externalId,
          passwordHash: input.passwordHash ?? null,
          displayName: input.displayName ?? null,
        })
        if (row !== undefined) {
          await journal.record(tx, 'users.imported', { ...facts(row.id), email: row.email })
          return { user: describeRow(row), created: true }
        }
        const known = externalId === null ? undefined : await findUser(tx, { externalId })
        if (known !== undefined) return { user: describeRow(known), created: false }
        throw emailTaken()
      }),

    disable: (userId, given) =>
      calls.write(byId, { userId }, given, async (tx, input) => {
        if (!(await changeStatus(tx, input.userId, 'active', 'disabled'))) return
        await sessions.endAll(tx, input.userId, 'user_disabled', noRequest())
        await journal.record(tx, 'users.disabled', facts(input.userId))
      }),

    enable: (userId, given) =>
      calls.write(byId, { userId }, given, async (tx, input) => {
        if (!(await changeStatus(tx, input.userId, 'disabled', 'active'))) return
        await journal.record(tx, 'users.enabled', facts(input.userId))
      }),

    removeSecondFactors: (userId, given) =>
      calls.write(byId, { userId }, given, async (tx, input) => {
        const version = await options.moveSecurityVersion(tx, input.userId)
        if (version === undefined) throw new IdentSphereError('not_found', { message: 'There is no such user.' })
        await options.removeSecondFactors(tx, input.userId)
        await sessions.endAll(tx, input.userId, 'second_factors_removed', noRequest())
        await journal.record(tx, 'auth.mfa.disabled', facts(input.userId))
      }),
  }
}

const describe = (row: UserRow | undefined): User | null => (row === undefined ? null : describeRow(row))

function describeRow(row: UserRow): User {
  return {
    userId: row.id,
    email: row.email,
    emailVerified: row.email_verified_at !== null,
    displayName: row.display_name,
    status: row.status,
    externalId: row.external_id,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}
