import { z } from 'zod'
import { noRequest } from '../../core/context.js'
import { uuidv7 } from '../../core/crypto/random.js'
import { IdentSphereError } from '../../core/errors.js'
import { type Contributions, extensionPoint } from '../../core/extension-point.js'
import { plainText } from '../../core/http/fields.js'
import { type FieldError, invalidInput } from '../../core/http/validate.js'
import { factsOfHost } from '../../core/journal/facts.js'
import type { Journal } from '../../core/journal/journal.js'
import type { HostCallOptions, HostCalls } from '../../core/store/host-calls.js'
import type { Tx } from '../../core/store/store.js'
import { actions } from './actions.js'
import { emailAddress, normalizeEmail } from './email-address.js'
import { findUser, importUser, type UserRow } from './repository.js'
import type { SecurityChanges } from './security-change.js'
import { emailTaken } from './service.js'

/** A user, for the host's own code. */
export interface User {
  userId: string
  email: string
  emailVerified: boolean
  displayName: string | null
  /** A disabled user cannot sign in and has no live session. */
  status: 'active' | 'invited' | 'disabled'
  /** The id in another system. {@link UsersApi.import} sets it. */
  externalId: string | null
  createdAt: Date
  updatedAt: Date
}

/** A user of another system. */
export interface UserImport {
  email: string
  /** The id in the other system, up to 200 characters. With an id, the import can be repeated. */
  externalId?: string
  /**
   * Argon2 as a PHC string (up to 256 MiB, 10 passes, parallelism 8), or bcrypt (`$2a$`, `$2b$`, `$2y$`, cost up to 14). The first
   * sign-in replaces it. Without a hash, the user cannot sign in with a password.
   */
  passwordHash?: string
  /** Default false. */
  emailVerified?: boolean
  /** Up to 200 characters. */
  displayName?: string
}

/** `identsphere.api.users`. All methods throw `IdentSphereError` with `invalid_input` or `service_unavailable`, and the named codes. */
export interface UsersApi {
  get(userId: string, options?: HostCallOptions): Promise<User | null>
  findByEmail(email: string, options?: HostCallOptions): Promise<User | null>
  findByExternalId(externalId: string, options?: HostCallOptions): Promise<User | null>
  /**
   * Adds a user of another system. If a user has this external id, that user is returned unchanged with `created: false`.
   *
   * @throws IdentSphereError `conflict` if the address is taken
   */
  import(account: UserImport, options?: HostCallOptions): Promise<{ user: User; created: boolean }>
  /** Ends all sessions and refuses new sign-ins. Does nothing if the user is disabled. @throws IdentSphereError `not_found` */
  disable(userId: string, options?: HostCallOptions): Promise<void>
  /** Allows a disabled user to sign in again. Does nothing if the user is active. @throws IdentSphereError `not_found` */
  enable(userId: string, options?: HostCallOptions): Promise<void>
  /**
   * Removes authenticator app, recovery codes and passkeys, and ends all sessions. For a user who has lost them, or whose account
   * has factors of an attacker. Verify the user's identity first: afterwards the password or the mailbox is enough to sign in.
   *
   * @throws IdentSphereError `not_found`
   */
  removeSecondFactors(userId: string, options?: HostCallOptions): Promise<void>
}

/** Checks of later features for imported users, e.g. whether the password hash is supported. Null if the user is valid. */
export const importChecks = extensionPoint<(account: UserImport) => FieldError | null>('users.importChecks')

export function usersApi(deps: {
  calls: HostCalls
  journal: Journal
  securityChanges: SecurityChanges
  contributions: Contributions
}): UsersApi {
  const { calls, journal, securityChanges, contributions } = deps
  const byId = z.strictObject({ userId: z.uuid() })
  const account = z.strictObject({
    email: emailAddress,
    externalId: plainText(200).optional(),
    passwordHash: z.string().optional(),
    emailVerified: z.boolean().optional(),
    displayName: plainText(200).optional(),
  })

  /** @returns whether this call changed the status */
  async function changeStatus(tx: Tx, userId: string, cause: 'disabled' | 'enabled'): Promise<boolean> {
    const to = cause === 'disabled' ? 'disabled' : 'active'
    const from = cause === 'disabled' ? 'active' : 'disabled'
    const changed = await securityChanges.apply(tx, cause, {
      userId,
      update: { status: { from, to } },
      context: noRequest(),
    })
    if (changed !== undefined) return true
    const user = await findUser(tx, { id: userId })
    if (user === undefined) throw noUser()
    if (user.status === to) return false
    throw new IdentSphereError('conflict', { message: `The user is ${user.status}.` })
  }

  return {
    get: (userId, given) =>
      calls.read(byId, { userId }, given, async (db, input) => describe(await findUser(db, { id: input.userId }))),

    findByEmail: (email, given) =>
      calls.read(z.strictObject({ email: z.string() }), { email }, given, async (db, input) => {
        const normal = normalizeEmail(input.email)
        return normal === null ? null : describe(await findUser(db, { email: normal }))
      }),

    findByExternalId: (externalId, given) =>
      calls.read(z.strictObject({ externalId: plainText(200) }), { externalId }, given, async (db, input) =>
        describe(await findUser(db, input)),
      ),

    import: (given, callOptions) =>
      calls.write(account, given, callOptions, async (tx, input) => {
        const objections = contributions(importChecks).flatMap((check) => check(input as UserImport) ?? [])
        if (objections.length > 0) throw invalidInput(objections)
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
          await journal.record(tx, actions['users.imported'], factsOfHost(row.id, { email: row.email }))
          return { user: describeRow(row), created: true }
        }
        const existing = externalId === null ? undefined : await findUser(tx, { externalId })
        if (existing !== undefined) return { user: describeRow(existing), created: false }
        throw emailTaken()
      }),

    disable: (userId, given) =>
      calls.write(byId, { userId }, given, async (tx, input) => {
        if (!(await changeStatus(tx, input.userId, 'disabled'))) return
        await journal.record(tx, actions['users.disabled'], factsOfHost(input.userId))
      }),

    enable: (userId, given) =>
      calls.write(byId, { userId }, given, async (tx, input) => {
        if (!(await changeStatus(tx, input.userId, 'enabled'))) return
        await journal.record(tx, actions['users.enabled'], factsOfHost(input.userId))
      }),

    removeSecondFactors: (userId, given) =>
      calls.write(byId, { userId }, given, async (tx, input) => {
        const version = await securityChanges.apply(tx, 'factorsRemovedByHost', {
          userId: input.userId,
          context: noRequest(),
        })
        if (version === undefined) throw noUser()
      }),
  }
}

const noUser = () => new IdentSphereError('not_found', { message: 'User not found.' })

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
